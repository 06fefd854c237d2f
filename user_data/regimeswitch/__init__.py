"""RegimeSwitch: one sub-model per market regime, inside Freqtrade's FreqAI.

The modules beside this file are the core: pure functions and estimators that import no freqtrade,
read no clock and do no input or output. ``bot`` touches a running bot, ``exchange`` is the
embedded Binance spot, ``lab`` holds the commands of the ``regimeswitch`` command line.
"""

__version__ = "0.1.0"
