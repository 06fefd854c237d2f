"""The embedded Binance spot exchange on loopback. It knows nothing of regimes."""
