"""The real bot under a moved clock, held against a backtest."""
