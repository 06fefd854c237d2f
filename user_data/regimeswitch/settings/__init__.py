"""Section ``"regimeswitch"`` of config.json: every key with its unit, default and range."""

from regimeswitch.settings.bots_settings import BotsSettings
from regimeswitch.settings.entry_settings import BuyProbabilities, EntrySettings, SellProbabilities
from regimeswitch.settings.message_settings import MessageSettings
from regimeswitch.settings.regime_settings import EMA_LENGTHS, MAX_STARTUP_CANDLES, RegimeSettings
from regimeswitch.settings.risk_settings import RegimeScale, RiskSettings
from regimeswitch.settings.safety_settings import SafetySettings
from regimeswitch.settings.section import (
    FEATURE_VERSION,
    EvidenceSettings,
    LabelSettings,
    LearnerName,
    ModelSettings,
    Settings,
    SettingsError,
    load_settings,
)
from regimeswitch.settings.section_base import (
    REGIME_NAMES,
    Fraction,
    RegimeName,
    RegimeNumbers,
    Section,
)


__all__ = [
    "EMA_LENGTHS",
    "FEATURE_VERSION",
    "MAX_STARTUP_CANDLES",
    "REGIME_NAMES",
    "BotsSettings",
    "BuyProbabilities",
    "EntrySettings",
    "EvidenceSettings",
    "Fraction",
    "LabelSettings",
    "LearnerName",
    "MessageSettings",
    "ModelSettings",
    "RegimeName",
    "RegimeNumbers",
    "RegimeScale",
    "RegimeSettings",
    "RiskSettings",
    "SafetySettings",
    "Section",
    "SellProbabilities",
    "Settings",
    "SettingsError",
    "load_settings",
]
