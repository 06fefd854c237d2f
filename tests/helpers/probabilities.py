"""Samples of probabilities whose truth is known."""

from __future__ import annotations

import numpy as np


def sample(rows: int = 20_000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """True probabilities of three classes, and labels drawn from them."""
    rng = np.random.default_rng(seed)
    truth = rng.dirichlet([2, 4, 2], rows)
    labels = (truth.cumsum(axis=1) < rng.random(rows)[:, None]).sum(axis=1)
    return truth, labels.astype(np.int64)
