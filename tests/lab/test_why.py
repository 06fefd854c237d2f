"""Why a bot holds nothing: what its account says beside the candles, and the command that asks."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from freqtrade.persistence import Trade

from heldpairs import POSITION
from regimeswitch.bot.trading.entry_reasons import (
    ACCOUNT,
    GUARD,
    KINDS,
    LIMIT,
    MODEL_BOT,
    NO_ANSWER_YET,
    candle_code,
    candle_reason,
    change_wanted,
    code_of,
)
from regimeswitch.settings import load_settings
from regimeswitch_lab.cli import main
from regimeswitch_lab.commands.pair_standing import standing_of
from regimeswitch_lab.offline.dry_run_command import PASSWORD_VARIABLE, USERNAME_VARIABLE
from servedbots import LOGIN, ServedBot, api_of, free_port, served_bot


# Both pairs are in bull, and there is one slot.
BEGIN = datetime(2024, 12, 27, 9, 55, tzinfo=UTC)
SLOTS = f"{ACCOUNT}all 1 slots are taken (max_open_trades)"


@pytest.fixture(autouse=True)
def no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (USERNAME_VARIABLE, PASSWORD_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "400")


@pytest.fixture(scope="module")
def bot(market: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedBot]:
    """A bot that has looked at two candles."""
    folder = tmp_path_factory.mktemp("why")
    config = {"regimeswitch": POSITION, "freqai": {"enabled": False}, "max_open_trades": 1}
    with served_bot(folder, market, BEGIN, config) as running:
        running.step()
        running.step()
        yield running


def config_file(folder: Path, port: int, **api: Any) -> str:
    path = folder / "config.json"
    path.write_text(json.dumps({"regimeswitch": POSITION, "api_server": api_of(port) | api}))
    return str(path)


def asked(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(["why", *words])
    shown = capsys.readouterr()
    assert LOGIN[1] not in shown.out + shown.err
    return code, shown.out, " ".join(shown.err.split())


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_the_account_is_a_reason_of_the_candles_that_the_bot_has_judged(
    bot: ServedBot, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (trade,) = Trade.get_open_trades()
    held = trade.pair
    other = "ETH/USDT" if held == "BTC/USDT" else "BTC/USDT"
    frame = bot.frame(other)
    assert list(frame["no_trade_reason"].iloc[-3:]) == ["", "", SLOTS]
    assert list(frame["no_trade_code"].iloc[-3:]) == [0, 0, 5]
    # The candle wants it all the same, so that a free slot is taken at once.
    assert frame["enter_long"].iloc[-1] == 1
    assert bot.frame(held)["no_trade_reason"].iloc[-1] == ""

    code, out, _ = asked(capsys, "--config", config_file(tmp_path, bot.port))
    assert code == 0
    rows = {line.split()[1]: line for line in out.splitlines() if "/USDT" in line}
    assert set(rows) == {"BTC/USDT", "ETH/USDT"}
    assert "a position is open" in rows[held] and "closes when its regime ends" in rows[held]
    assert "all 1 slots are taken" in rows[other]
    assert "max_open_trades be raised" in rows[other]
    assert "2024-12-26 23:55" in rows["ETH/USDT"]
    # A bot without models has fetched no further candles than its rule needs.
    assert "before the first candle" in rows["BTC/USDT"]
    config = config_file(tmp_path, 1, enabled=False)
    code, out, _ = asked(capsys, "--config", config, "--api-url", bot.url, "--pair", held)
    assert code == 0 and other not in out


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_wrong_password_and_an_unknown_pair_are_said(
    bot: ServedBot, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = config_file(tmp_path, bot.port, password="a guess")
    code, _, error = asked(capsys, "--config", wrong)
    assert code == 2
    assert f"the bot on {bot.url} refuses username and password" in error
    assert "FREQTRADE__API_SERVER__PASSWORD" in error and "a guess" not in error
    right = config_file(tmp_path, bot.port)
    code, _, error = asked(capsys, "--config", right, "--pair", "XYZ/USDT")
    assert code == 2
    assert "--pair XYZ/USDT: not a pair of the bot" in error
    assert "it has BTC/USDT, ETH/USDT" in error


def test_a_bot_that_does_not_answer_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    port = free_port()
    code, _, error = asked(capsys, "--config", config_file(tmp_path, port))
    assert code == 2
    assert f"no bot answers on http://127.0.0.1:{port} (" in error
    assert "is it running, with api_server.enabled true?" in error


def test_an_api_that_is_switched_off_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, error = asked(capsys, "--config", config_file(tmp_path, 1, enabled=False))
    assert code == 2
    assert "api_server.enabled is false in the config" in error
    assert "or name --api-url" in error


@pytest.mark.parametrize(
    ("api", "words", "message"),
    [
        ({"password": ""}, (), "there is no password for the bot's API"),
        ({}, ("--api-url", "ftp://127.0.0.1"), "must be an address like http://127.0.0.1:8080"),
        ({}, ("--api-url", "http://me:secret@bot"), "must not carry username or password"),
    ],
)
def test_what_cannot_be_used_is_said(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    api: dict[str, Any],
    words: tuple[str, ...],
    message: str,
) -> None:
    code, _, error = asked(capsys, "--config", config_file(tmp_path, 1, **api), *words)
    assert (code, message in error) == (2, True), error


@contextmanager
def answering(answers: dict[str, tuple[int, Any]]) -> Iterator[int]:
    """The port of something that answers as it is told, text as it is and the rest as JSON."""

    class Scripted(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.removeprefix("/api/v1/").partition("?")[0]
            status, content = answers[path]
            body = content if isinstance(content, str) else json.dumps(content)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *arguments: Any) -> None:
            """Nothing is logged."""

    with HTTPServer(("127.0.0.1", 0), Scripted) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


BOT = {"state": "running", "strategy": "Other", "timeframe": "5m", "dry_run": True}
OTHER_BOT = {
    "show_config": (200, BOT),
    "status": (200, []),
    "whitelist": (200, {"whitelist": ["BTC/USDT"]}),
    "pair_candles": (200, {"columns": ["date", "close"], "data": [["2025-01-01", 1.0]]}),
}


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"show_config": (200, BOT | {"state": ""})}, "is a webserver: no bot trades there"),
        ({"show_config": (200, "<html>")}, "is no freqtrade; --api-url names another address"),
        ({"show_config": (503, {"detail": "not ready"})}, "answers 503: not ready"),
        ({"show_config": (500, "broken")}, "answers 500: Internal Server Error"),
        (OTHER_BOT, "Other, has no regimes; this command asks a bot that runs RegimeSwitchStrat"),
    ],
)
def test_an_answer_that_is_none_of_our_bot_s_is_said(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    answers: dict[str, tuple[int, Any]],
    message: str,
) -> None:
    with answering(answers) as port:
        code, _, error = asked(capsys, "--config", config_file(tmp_path, port))
    assert (code, message in error) == (2, True), error


def rows_of(**last: Any) -> list[dict[str, Any]]:
    """Forty candles of one regime; the newest says what is given."""
    usual = {
        "regime": "sideways",
        "regime_age": 700.0,
        "regime_pending": None,
        "regime_distance": 0.42,
        "rule_bull_enter": 31000.0,
        "target_weight": 0.631,
        "no_trade_reason": "regime sideways",
    }
    begin = datetime(2025, 1, 1, tzinfo=UTC)
    dates = [begin + timedelta(minutes=5 * row) for row in range(40)]
    rows = [usual | {"date": f"{date:%Y-%m-%dT%H:%M:%SZ}"} for date in dates]
    rows[-1] |= last
    return rows


@pytest.mark.parametrize(
    ("rows", "state", "reason", "change"),
    [
        (
            rows_of(),
            "running",
            "regime sideways",
            "the 1h close must stand 3 ATR above its average (31000), now +0.42, for 36 candles",
        ),
        (
            rows_of(regime_pending="bull", no_trade_reason="regime sideways, bull pending"),
            "running",
            "bull pending",
            "bull must hold for 35 more candles, until 2025-01-01 06:15 UTC at the earliest",
        ),
        (rows_of(), "paused", "the bot is paused", "start it"),
        (rows_of(no_trade_reason=""), "running", "the candle wants an entry", "next loop"),
        (rows_of(no_trade_reason="bad candle"), "running", "bad candle", "must be a good one"),
        ([], "running", "no candles yet", "must have analysed"),
    ],
)
def test_a_reason_comes_with_what_would_have_to_change(
    rows: list[dict[str, Any]], state: str, reason: str, change: str
) -> None:
    found = standing_of("BTC/USDT", rows, None, state, load_settings(POSITION), "5m")
    assert reason in found.reason
    assert change in found.change
    if rows:
        assert (found.weight, found.since) == ("0.63", "2024-12-29 17:00")


def test_every_kind_of_reason_has_a_code_and_a_way_out() -> None:
    examples = {
        "": 0,
        "bad candle": 1,
        "regime unknown": 1,
        "regime bear": 2,
        "regime bear, bull pending": 3,
        "no proven edge": 4,
        SLOTS: 5,
        f"{ACCOUNT}risk.max_pair: 5 of 4 is taken": 5,
        f"{GUARD}the exchange does not answer": 6,
        f"{LIMIT}the equity is not known yet": 7,
        NO_ANSWER_YET: 8,
        f"{MODEL_BOT}no model bot answers for the pair": 8,
        f"{MODEL_BOT}a is silent": 8,
    }
    assert {reason: code_of(reason) for reason in examples} == examples
    assert sorted(set(examples.values())) == [kind.code for kind in KINDS]
    for reason, code in examples.items():
        assert bool(change_wanted(reason)) == (code not in (0, 2, 3)), reason
        # What a backtest of the same candles says.
        assert candle_reason(reason) == (reason if code < 5 else "")
        assert candle_code(code) == code_of(candle_reason(reason))
