"""The report page: what is read, what is computed of it, and how it is drawn."""
