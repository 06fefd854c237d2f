"""Synthetic worlds: candles whose true regimes are known."""
