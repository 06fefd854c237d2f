"""Which freqtrade the guards know. They wrap what freqtrade does not promise to keep."""

from __future__ import annotations

import inspect
from typing import Any

from freqtrade.exceptions import OperationalException


FREQTRADE_VERSIONS = ("2026.9",)
CLIENT_METHODS = {
    "create_order": ["symbol", "type", "side", "amount", "price", "params"],
    "cancel_order": ["id", "symbol", "params"],
    "fetch_order": ["id", "symbol", "params"],
    "fetch": ["url", "method", "headers", "body"],
    "on_rest_response": [
        "code",
        "reason",
        "url",
        "method",
        "response_headers",
        "response_body",
        "request_headers",
        "request_body",
    ],
}
"""Methods of the exchange client that are wrapped or called, and their parameters."""


def moved_methods(client: Any) -> list[str]:
    """What of the exchange client is not as it was when the guards were written."""
    found = []
    for name, expected in CLIENT_METHODS.items():
        method = getattr(client, name, None)
        now = list(inspect.signature(method).parameters) if callable(method) else "missing"
        if now != expected:
            found.append(f"{name}: {now}, expected {expected}")
    return found


def check_version(version: str, client: Any, allowed: bool) -> None:
    """Refuse to trade live with a freqtrade that the guards were not tested with.

    :param client: freqtrade's synchronous exchange client
    :param allowed: ``safety.allow_untested_freqtrade``
    :raises OperationalException: with what to do
    """
    moved = moved_methods(client)
    if moved:
        raise OperationalException(
            f"the order guard does not fit the exchange client: {'; '.join(moved)}; install "
            f"freqtrade {FREQTRADE_VERSIONS[-1]} with the versions of requirements.lock, or set "
            "regimeswitch.safety.guards to false and trade without guards"
        )
    if version not in FREQTRADE_VERSIONS and not allowed:
        raise OperationalException(
            f"freqtrade {version}: the order guard was tested with {', '.join(FREQTRADE_VERSIONS)} "
            "alone, and a live bot may lose or repeat an order; install one of these, or run "
            "tests/test_order_contract.py with yours and set "
            "regimeswitch.safety.allow_untested_freqtrade to true"
        )
