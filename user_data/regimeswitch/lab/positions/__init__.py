"""Positions simulated without a bot, and what else a person could have done with the money."""
