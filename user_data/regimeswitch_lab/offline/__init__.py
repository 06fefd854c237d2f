"""freqtrade without a network: the embedded exchange in Binance's place, paper trading, waiting."""
