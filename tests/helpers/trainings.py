"""What the log of a backtest says about its trainings."""

from __future__ import annotations

from project import Run


def trained(run: Run) -> None:
    """Success, and no exception that FreqAI swallowed."""
    assert run.code == 0, run.log[-3000:]
    for sign in ("raised exception", "Traceback"):
        assert sign not in run.log, run.log[-5000:]


def clean(run: Run) -> None:
    """Trained, and no warning about fragmented frames."""
    trained(run)
    assert "PerformanceWarning" not in run.log, run.log[-5000:]
