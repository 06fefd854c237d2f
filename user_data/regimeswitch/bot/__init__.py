"""Rooms that touch a running freqtrade bot: settings from its config, FreqAI glue, notices."""
