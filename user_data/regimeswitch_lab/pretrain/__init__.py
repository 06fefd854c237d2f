"""`regimeswitch pretrain`: the windows of a backtest, side by side into FreqAI's model folder."""
