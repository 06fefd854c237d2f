"""Sections of settings as users write them."""

from __future__ import annotations

from hypothesis import strategies as st

from regimeswitch.settings import REGIME_NAMES, Settings


SECTIONS = Settings.model_fields


KEYS = [
    *SECTIONS,
    *(key for section in SECTIONS.values() for key in section.annotation.model_fields),
    *REGIME_NAMES,
]


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([0, 1, -1, 0.5, 5, 200, 10**6, "1h", "5m", "vote", "ema", "bull", "BTC/USDT"])
)


json_values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=8,
)


# A real section with real keys and any values reaches deeper than any JSON does.
real_sections = st.fixed_dictionaries(
    {},
    optional={
        name: st.fixed_dictionaries(
            {}, optional=dict.fromkeys(field.annotation.model_fields, scalars | json_values)
        )
        for name, field in SECTIONS.items()
    },
)
