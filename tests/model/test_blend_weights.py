"""The weight vector of the blend."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from regimeswitch.model.blend_weights import COMPONENTS, BlendWeights


share = st.floats(0, 1)


@given(share, share, share, st.integers(0, 3), st.sampled_from(["A/USDT", "B/USDT"]))
def test_the_blend_is_the_mean_weighted_by_the_vector(
    sub_model: float, fine_tuned: float, models: float, regime: int, pair: str
) -> None:
    weights = BlendWeights({"bull": sub_model}, {"A/USDT": fine_tuned}, models)
    codes = np.full(5, regime)
    rng = np.random.default_rng(0)
    answers = {name: rng.dirichlet(np.ones(3), 5) for name in COMPONENTS}
    vector = weights.vector(codes, pair)
    assert (vector >= 0).all() and np.allclose(vector.sum(axis=1), 1)
    expected = sum(vector[:, [k]] * answers[name] for k, name in enumerate(COMPONENTS))
    np.testing.assert_allclose(weights.blended(answers, codes, pair), expected, atol=1e-14)
    if regime != 1:
        assert not vector[:, COMPONENTS.index("sub_model")].any()
    if pair == "B/USDT":
        assert not vector[:, COMPONENTS.index("fine_tuned")].any()
