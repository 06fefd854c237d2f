"""The connection to the exchange: responses, rate limits, bans, health, candles on arrival."""
