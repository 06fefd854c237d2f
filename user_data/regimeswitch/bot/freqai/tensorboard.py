"""FreqAI's TensorBoard logger, without which a training needs no xgboost.

FreqAI makes a logger before every training, also with ``activate_tensorboard`` false, and the
module behind it imports xgboost. The learners used here write nothing to it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from freqtrade.freqai import freqai_interface

from regimeswitch.bot.patches import install, is_installed


class NoLogger:
    """What FreqAI closes after a training of these models."""

    def close(self) -> None:
        """Nothing was opened."""


def no_tensorboard() -> None:
    """Give FreqAI a logger that imports nothing; PyTorch models of others keep theirs."""
    if not is_installed(freqai_interface, "get_tb_logger"):
        install("FreqAI", freqai_interface, get_tb_logger=_without_logger)


def _without_logger(original: Callable[..., Any]) -> Callable[..., Any]:
    def get_tb_logger(model_type: str, path: Path, activate: bool) -> Any:
        return original(model_type, path, activate) if model_type == "pytorch" else NoLogger()

    return get_tb_logger
