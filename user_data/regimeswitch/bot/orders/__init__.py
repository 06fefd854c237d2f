"""Orders of a live bot: the journal, orders in flight, recovery, reconciliation."""
