"""Entries, sizes, exits and loss limits of positions, from freqtrade's hooks."""
