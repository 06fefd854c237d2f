"""FreqAI: training rows, shared training, model files, output columns."""
