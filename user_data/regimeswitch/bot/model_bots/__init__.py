"""Several bots: some train and predict, one trades by freqtrade's producer and consumer mode."""
