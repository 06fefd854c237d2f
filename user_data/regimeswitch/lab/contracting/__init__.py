"""What RegimeSwitch takes for granted about freqtrade, tried on the installed release."""
