"""``regimeswitch doctor --online`` on the embedded exchange: clock, limits, rights of the key."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ccxt
import pytest
from aiohttp import web

from bots import Bot, make_bot
from doctors import CODE
from exchanges import Clock
from regimeswitch_lab.cli import main
from regimeswitch_lab.exchange.account.trading_account import Trading
from regimeswitch_lab.exchange.http.handlers import answer
from regimeswitch_lab.exchange.http.wallet_api import NO_WEIGHT, Sapi
from regimeswitch_lab.exchange.market.candle_store import CandleStore
from regimeswitch_lab.exchange.market.visible_market import Market
from regimeswitch_lab.exchange.server import ExchangeServer
from regimeswitch_lab.offline.overlay import ccxt_options
from traders import BALANCES


NO_CANDLES = "candles.none"
SAFE = {
    "ipRestrict": True,
    "enableReading": True,
    "enableSpotAndMarginTrading": True,
    "enableWithdrawals": False,
    "enableInternalTransfer": False,
    "permitsUniversalTransfer": False,
    "enableMargin": False,
    "enableFutures": False,
}


@pytest.fixture
def rights(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the key of the account may do; change it before asking."""
    told = dict(SAFE)

    async def restrictions(self: Sapi, form: object) -> web.Response:
        return answer(told, NO_WEIGHT)

    monkeypatch.setattr(Sapi, "restrictions", restrictions)
    return told


@pytest.fixture
def venue(hand_made: Path, ticking: Clock, rights: dict[str, Any]) -> Iterator[ExchangeServer]:
    market = Market(CandleStore(hand_made), ticking)
    with ExchangeServer(market, trading=Trading(market, dict(BALANCES))) as server:
        yield server


@pytest.fixture
def bot(
    tmp_path: Path, venue: ExchangeServer, ticking: Clock, monkeypatch: pytest.MonkeyPatch
) -> Bot:
    made = make_bot(tmp_path / "home")
    for folder in ("models", "data"):
        (made.userdir / folder).rename(tmp_path / folder)
    made.change(exchange={"ccxt_config": ccxt_options(venue.url)})
    assert venue.trading is not None
    keys = venue.trading.credentials
    monkeypatch.setenv("FREQTRADE__EXCHANGE__KEY", keys.key)
    monkeypatch.setenv("FREQTRADE__EXCHANGE__SECRET", keys.secret)
    # Signed requests carry the exchange's own time; the machine's is looked at in its own test.
    monkeypatch.setattr(ccxt.binance, "milliseconds", lambda self: ticking.now)
    monkeypatch.setattr(
        "regimeswitch_lab.doctor.online_checks.machine_clock", lambda: ticking.now / 1000
    )
    return made


def online(bot: Bot) -> list[tuple[str, str]]:
    export = bot.home / "doctor.json"
    words = [
        "--config",
        bot.config,
        "--userdir",
        bot.userdir,
        "--export",
        export,
        "--online",
        *CODE,
    ]
    code = main(["doctor", *map(str, words)])
    figures = json.loads(export.read_text())
    assert code == bool(figures["counts"]["serious"])
    found = [(one["severity"], one["kind"]) for one in figures["findings"]]
    return [one for one in found if one[1] not in (NO_CANDLES, "config.live")]


def test_a_key_that_may_only_trade_is_no_finding(bot: Bot) -> None:
    assert online(bot) == []


@pytest.mark.parametrize(
    ("right", "value", "severity", "kind"),
    [
        ("enableWithdrawals", True, "serious", "online.withdrawals"),
        ("enableInternalTransfer", True, "serious", "online.withdrawals"),
        ("permitsUniversalTransfer", True, "serious", "online.withdrawals"),
        ("enableMargin", True, "warning", "online.rights"),
        ("enableFutures", True, "warning", "online.rights"),
        ("ipRestrict", False, "warning", "online.ip"),
        ("enableSpotAndMarginTrading", False, "info", "online.trading"),
    ],
)
def test_one_right_too_many_or_too_few_is_one_finding(
    bot: Bot, rights: dict[str, Any], right: str, value: bool, severity: str, kind: str
) -> None:
    rights[right] = value
    assert online(bot) == [(severity, kind)]


def test_a_live_bot_needs_a_key_that_may_trade(
    bot: Bot, rights: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    bot.change(dry_run=False)
    rights["enableSpotAndMarginTrading"] = False
    # Real money without a channel for notices is a finding of its own.
    silent = ("warning", "notices.none")
    assert online(bot) == [("serious", "online.trading"), silent]
    monkeypatch.delenv("FREQTRADE__EXCHANGE__KEY")
    assert online(bot) == [("serious", "online.no_key"), silent]
    bot.change(dry_run=True)
    assert online(bot) == [("info", "online.no_key")]


def test_a_wrong_key_is_named_and_not_shown(
    bot: Bot, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FREQTRADE__EXCHANGE__KEY", "not-the-key")
    assert online(bot) == [("serious", "online.key")]
    assert "not-the-key" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.9, []),
        (-0.9, []),
        (2.0, [("warning", "online.clock")]),
        (-2.0, [("warning", "online.clock")]),
        (60.0, [("serious", "online.clock")]),
    ],
)
def test_a_clock_that_is_off(
    bot: Bot,
    ticking: Clock,
    monkeypatch: pytest.MonkeyPatch,
    seconds: float,
    expected: list[tuple[str, str]],
) -> None:
    off = ticking.now / 1000 + seconds
    monkeypatch.setattr("regimeswitch_lab.doctor.online_checks.machine_clock", lambda: off)
    assert online(bot) == expected


def use(venue: ExchangeServer, requests: int) -> None:
    """Another program on the same address: 80 of the weight each."""
    other = ccxt.binance(ccxt_options(venue.url))
    for _ in range(requests):
        other.public_get_ticker_24hr({})
    other.session.close()


@pytest.mark.parametrize(
    ("requests", "expected"),
    [
        (20, []),
        (40, [("warning", "online.weight")]),
        (65, [("serious", "online.weight")]),
    ],
)
def test_an_address_that_others_use(
    bot: Bot, venue: ExchangeServer, requests: int, expected: list[tuple[str, str]]
) -> None:
    use(venue, requests)
    assert online(bot) == expected


def test_an_address_that_is_refused(bot: Bot, venue: ExchangeServer) -> None:
    with pytest.raises(ccxt.BaseError):
        use(venue, 200)
    assert online(bot) == [("serious", "online.banned")]


@pytest.mark.parametrize("url", ["http://127.0.0.1:1"])
def test_an_exchange_that_does_not_answer(bot: Bot, url: str) -> None:
    bot.change(exchange={"ccxt_config": ccxt_options(url)})
    assert online(bot) == [("serious", "online.unreachable")]


def test_another_exchange_is_not_asked_for_nor_are_its_keys_sent_to_binance(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(*args: object) -> None:
        raise AssertionError("Binance was asked")

    monkeypatch.setattr(ccxt.binance, "fetch", asked)
    bot.change(exchange={"name": "okx"})
    assert online(bot) == [("warning", "config.exchange"), ("warning", "online.exchange")]


def test_without_the_option_nothing_is_asked(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*args: object) -> Callable[[], None]:
        raise AssertionError("the network was used")

    monkeypatch.setattr("regimeswitch_lab.doctor.online_checks.client_of", asked)
    words = ["--config", bot.config, "--userdir", bot.userdir, *CODE]
    assert main(["doctor", *map(str, words)]) == 0
