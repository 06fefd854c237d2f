"""What is used of freqtrade's internals, and whether the installed release has it."""
