"""The market side: candle files, the price path, trades, symbols."""
