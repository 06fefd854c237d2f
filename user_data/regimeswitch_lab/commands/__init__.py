"""Small commands: regimes, schema, trials, orders."""
