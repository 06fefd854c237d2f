"""What is wrong with a configuration, candles, models or keys: one file per subject."""
