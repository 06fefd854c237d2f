"""Rooms of the command ``regimeswitch faults``."""
