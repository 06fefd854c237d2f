"""RegimeSwitch: one sub-model per market regime, inside Freqtrade's FreqAI.

This package is all that a bot needs. Arrows point one way: ``bot`` uses ``model`` and ``risk``,
these use ``market``, and that ``settings``. Only ``bot`` imports freqtrade, reads a clock or a
file. The tools around a bot are a package of their own, ``regimeswitch_lab``.
"""

__version__ = "0.2.0"
