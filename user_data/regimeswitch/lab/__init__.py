"""The commands of the ``regimeswitch`` command line, one module each."""
