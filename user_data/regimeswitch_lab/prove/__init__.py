"""Does switching help? Walk-forward comparison of models, and their use for positions."""
