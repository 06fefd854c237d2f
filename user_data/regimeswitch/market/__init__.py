"""Candles and what is read from them: regimes, volatility, features, labels. Pure functions."""
