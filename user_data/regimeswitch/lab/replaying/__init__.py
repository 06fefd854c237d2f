"""Parts of ``regimeswitch replay``: the real bot under a moved clock, and what is compared."""
