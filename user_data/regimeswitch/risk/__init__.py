"""Position sizes, stops, loss limits. Pure arithmetic, no state."""
