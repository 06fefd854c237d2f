"""What FreqUI draws beside the candles: panes, lines, bands and marks."""
