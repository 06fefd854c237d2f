"""Copies of running bots: what belongs to one, how it is packed, checked and put back."""
