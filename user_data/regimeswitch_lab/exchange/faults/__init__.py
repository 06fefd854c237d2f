"""Faults on purpose: which responses go wrong, when, and how."""
