"""What touches a running freqtrade bot: FreqAI, orders, the connection, trading, messages."""
