"""What is taken for granted about freqtrade: looked at at the start, tried by a command."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ccxt
import freqtrade
import pytest
from freqtrade.data.dataprovider import DataProvider
from freqtrade.enums import RunMode
from freqtrade.exceptions import FreqtradeException, OperationalException
from freqtrade.exchange import Exchange, Okx
from freqtrade.freqtradebot import FreqtradeBot
from freqtrade.persistence import Trade
from requests import Response, Session

from guarded import World, agree, running_world
from regimeswitch.bot.compatibility import sources
from regimeswitch.bot.compatibility.supported import (
    CHECKS,
    GUARDED,
    Subject,
    check_parts,
    sample_clients,
    tell_once,
)
from regimeswitch.bot.freqai import prediction_table
from regimeswitch.bot.guards import Guards
from regimeswitch.bot.orders.journal import journal_path
from regimeswitch.bot.signatures import named
from regimeswitch.settings import load_settings
from regimeswitch_lab.cli import main
from regimeswitch_lab.doctor import contract_trials
from regimeswitch_lab.fault_matrix.matrix import CORE, all_cases


# freqtrade's own warnings, in its own code.
pytestmark = pytest.mark.filterwarnings("default")

UNKNOWN = "2031.1"
ORDERS, CONNECTION, CANDLES, TRADES, MODELS = (
    *("orders", "connection", "candles", "trades", "models"),
)
INTERFACE = "freqtrade.freqai.freqai_interface.IFreqaiModel"
FREQAI = "freqtrade.freqai.freqai_interface"
KITCHEN = "freqtrade.freqai.data_kitchen.FreqaiDataKitchen"
RPC = "freqtrade.rpc.rpc_manager.RPCManager"
DRAWER = "freqtrade.freqai.data_drawer.FreqaiDataDrawer"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with running_world(tmp_path, monkeypatch) as found:
        yield found


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """What was read of freqtrade's source is read again, what was logged once is logged again."""
    caches = (sources._methods, sources._stream_users, tell_once)
    for one in caches:
        one.cache_clear()
    yield
    for one in caches:
        one.cache_clear()


def accept(*parts: Any, allowed: bool = False, subject: Subject | None = None) -> None:
    check_parts(parts, subject or Subject(), allowed)


def refused(*parts: Any, allowed: bool = False, subject: Subject | None = None) -> str:
    with pytest.raises(OperationalException) as caught:
        accept(*parts, allowed=allowed, subject=subject)
    return str(caught.value)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_the_installed_release_is_as_it_should_be(check: Any) -> None:
    assert [misfit.what for misfit in check.run(Subject())] == []


def test_an_unknown_release_that_fits_is_accepted(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(freqtrade, "__version__", UNKNOWN)
    with caplog.at_level(logging.INFO, "regimeswitch"):
        accept(*GUARDED, ORDERS)
        accept(MODELS)
    (record,) = caplog.records
    assert record.levelname == "INFO"
    assert f"freqtrade {UNKNOWN} with ccxt" in record.message
    assert "regimeswitch contract" in record.message


def moved(owner: Any, name: str, method: Any) -> Any:
    return lambda patch: patch.setattr(owner, name, method)


def gone(path: str, name: str) -> Any:
    return lambda patch: patch.delattr(named(path), name)


def other(path: str, name: str) -> Any:
    """A method with another first parameter."""
    return lambda patch: patch.setattr(named(path), name, lambda self, another: None)


def with_source(text: str) -> Any:
    """The exchange's source with something more at its end."""

    def change(patch: pytest.MonkeyPatch) -> None:
        real = sources.source_of

        def read(thing: Any) -> str:
            return f"{real(thing)}\n{text}" if thing is sources.exchange_module else real(thing)

        patch.setattr(sources, "source_of", read)

    return change


def enters_otherwise(self: Any) -> Any:
    return Trade(pair="", another_field=1)


def starts_otherwise(self: Any, config: Any) -> None:
    """Without a database."""


def retried(self: Any) -> Any:
    retries = 3
    return lambda: retries


CHANGES = [
    (CONNECTION, other("ccxt.binance", "fetch"), "binance.fetch(another)"),
    (CONNECTION, other("ccxt.pro.binance", "on_rest_response"), "on_rest_response(another)"),
    (CONNECTION, gone("freqtrade.exchange.Exchange", "_can_use_websocket"), "_can_use_websocket"),
    (CONNECTION, other("freqtrade.data.dataprovider.DataProvider", "ohlcv"), "ohlcv(another)"),
    (CONNECTION, other(RPC, "process_msg_queue"), "RPCManager.process_msg_queue(another)"),
    (CONNECTION, gone("freqtrade.exchange.Exchange", "get_rate"), "get_rate is missing"),
    (CONNECTION, other("requests.Session", "request"), "requests Session.request(another)"),
    (
        CONNECTION,
        other("freqtrade.exchange.Exchange", "_async_get_candle_history"),
        "Binance._async_get_candle_history(another)",
    ),
    (TRADES, other("freqtrade.strategy.IStrategy", "confirm_trade_exit"), "confirm_trade_exit(a"),
    (CANDLES, with_source("def f(self):\n    self._exchange_ws.get_ohlcv()"), "Exchange.f uses"),
    (CANDLES, with_source("def f(self):\n    self._api.fetch_ohlcv()"), "called by"),
    (TRADES, gone("freqtrade.persistence.KeyValueStore", "store_value"), "store_value is missing"),
    (TRADES, other("freqtrade.wallets.Wallets", "get_total"), "Wallets.get_total(another)"),
    (ORDERS, other("ccxt.binance", "create_order"), "binance.create_order(another)"),
    (ORDERS, with_source("def f(self):\n    self._api.edit_order()"), "edit_order"),
    (ORDERS, with_source("def f(self):\n    self._api.cancel_order()"), "cancel_order, f"),
    (ORDERS, moved(Exchange, "create_stoploss", retried(None)), "retries=3"),
    (ORDERS, moved(FreqtradeBot, "execute_entry", enters_otherwise), "another_field"),
    (ORDERS, moved(FreqtradeBot, "__init__", starts_otherwise), "in this order"),
    (
        ORDERS,
        other("freqtrade.persistence.Order", "parse_from_ccxt_object"),
        "Order.parse_from_ccxt_object(another)",
    ),
    (ORDERS, gone("freqtrade.exchange.Exchange", "get_fee"), "get_fee is missing"),
    (MODELS, gone(INTERFACE, "start_live"), "IFreqaiModel.start_live is missing"),
    (MODELS, other(INTERFACE, "train"), "IFreqaiModel.train(another)"),
    (MODELS, other(KITCHEN, "merge_features"), "FreqaiDataKitchen.merge_features(another)"),
    (MODELS, other(FREQAI, "get_tb_logger"), "freqai_interface.get_tb_logger(another)"),
    (
        MODELS,
        other("freqtrade.strategy.IStrategy", "feature_engineering_standard"),
        "IStrategy.feature_engineering_standard(another)",
    ),
    (MODELS, other(DRAWER, "save_data"), "FreqaiDataDrawer.save_data(another)"),
    (MODELS, other(DRAWER, "save_drawer_to_disk"), "does not write pair_dictionary_path"),
]


@pytest.mark.parametrize(("part", "change", "words"), CHANGES, ids=[one[2] for one in CHANGES])
def test_what_has_moved_is_named(
    part: Any, change: Any, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Sources do not change while a bot runs; here they do.
    monkeypatch.setattr(sources, "_callers", sources._callers.__wrapped__)
    change(monkeypatch)
    text = refused(part)
    assert words in text
    assert f"freqtrade {freqtrade.__version__} with ccxt" in text
    assert "requirements.lock" in text


def test_other_parameters_can_be_allowed_but_not_where_orders_depend_on_them(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    other("freqtrade.wallets.Wallets", "get_total")(monkeypatch)
    other("ccxt.binance", "cancel_order")(monkeypatch)
    accept(TRADES, allowed=True)
    assert "Wallets.get_total(another)" in caplog.text
    text = refused(TRADES, ORDERS, allowed=True)
    assert "cancel_order" in text
    assert "get_total" not in text
    gone("freqtrade.wallets.Wallets", "get_total")(monkeypatch)
    assert "get_total is missing" in refused(TRADES, allowed=True)


def test_a_fault_that_an_older_release_does_not_have_need_not_be_repaired(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = "_append_null_backtesting_predictions"
    other(INTERFACE, name)(monkeypatch)
    assert f"{name}(another)" in refused(MODELS)
    gone(INTERFACE, name)(monkeypatch)
    accept(MODELS)


def test_a_release_whose_bots_failed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its parameters fit; what it does with predictions was found by running a bot."""
    monkeypatch.setattr(freqtrade, "__version__", "2026.7")
    text = refused(MODELS, allowed=True)
    assert "does not merge predictions of a candle that it got twice" in text
    assert "Install freqtrade 2026.9" in text


def test_a_module_that_is_gone_is_reported_like_everything_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import freqtrade.wallets

    monkeypatch.delattr(freqtrade.wallets, "Wallets")
    assert "Wallets" in refused(TRADES, allowed=True)


def test_what_is_wrapped_is_looked_at_in_the_bot_itself() -> None:
    class Moved(ccxt.binance):
        def create_order(self, symbol: str, order: dict[str, object]) -> None:
            """Another signature."""

    subject = Subject.of(SimpleNamespace(_api=Moved(), _api_async=ccxt.binance()))
    assert "Moved.create_order(symbol, order)" in refused(ORDERS, subject=subject)
    assert Subject.of(None).clients == sample_clients()


@pytest.mark.slow
def test_a_live_bot_of_an_unknown_release_trades(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(freqtrade, "__version__", UNKNOWN)
    world.start()
    world.step()
    assert len(world.filled("BUY")) == 1
    assert len(world.journal()) == 1
    agree(world)


@pytest.mark.slow
def test_a_bot_does_not_start_with_a_release_that_does_not_fit(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    other("freqtrade.wallets.Wallets", "get_total")(monkeypatch)
    # freqtrade hands on what is raised in a strategy's hooks as an error of its own.
    with pytest.raises(FreqtradeException, match=r"Wallets\.get_total\(another\), expected"):
        world.start()


def test_the_strategy_refuses_it_before_a_bot_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    other("freqtrade.wallets.Wallets", "get_total")(monkeypatch)
    other("ccxt.binance", "create_order")(monkeypatch)
    found = {}
    for mode in (RunMode.LIVE, RunMode.DRY_RUN):
        with pytest.raises(OperationalException) as caught:
            guards({}).check({"runmode": mode, "exchange": {"name": "binance"}})
        found[mode] = "create_order" in str(caught.value)
    assert found == {RunMode.LIVE: True, RunMode.DRY_RUN: False}
    guards({}).check({"runmode": RunMode.LIVE, "exchange": {"name": "okx"}})
    guards({}).check({"runmode": RunMode.BACKTEST, "exchange": {"name": "binance"}})
    off = guards({"guards": False})
    off.check({"runmode": RunMode.LIVE, "exchange": {"name": "binance"}})


def guards(safety: dict[str, Any]) -> Guards:
    return Guards(load_settings({"safety": safety}))


# --- another exchange


def okx_answer(self: Session, method: str, url: str, **options: Any) -> Response:
    """What OKX answers to an order."""
    found = Response()
    found.status_code, found.url = 200, url
    found._content = json.dumps({"code": "0", "data": [{"ordId": "7", "sCode": "0"}]}).encode()
    return found


@pytest.mark.parametrize("mode", [RunMode.LIVE, RunMode.DRY_RUN])
def test_the_guards_stay_out_of_an_exchange_that_they_are_not_made_for(
    mode: RunMode,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(Session, "request", okx_answer)
    config: dict[str, Any] = {
        "runmode": mode,
        "dry_run": True,
        "stake_currency": "USDT",
        "trading_mode": "spot",
        "margin_mode": "",
        "candle_type_def": "spot",
        "user_data_dir": tmp_path,
        "db_url": "sqlite://",
        "exchange": {"name": "okx", "pair_whitelist": ["AAA/USDT"], "enable_ws": False},
    }
    exchange = Okx(config, validate=False)
    strategy: Any = SimpleNamespace(dp=DataProvider(config, exchange), config=config)
    now, found = datetime.now(UTC), guards({})
    try:
        found.install(strategy)
        answer = exchange._api.fetch("https://okx.invalid/api/v5/trade/order", "POST")
        assert answer["data"][0]["ordId"] == "7"
        found.loop_started(strategy, now)
        assert found.refusal("AAA/USDT", now) == ""
    finally:
        exchange.close()
    assert "made for binance; this bot runs on okx without them" in caplog.text
    assert not list(tmp_path.glob("regimeswitch-orders-*"))


# --- the command


def contract(folder: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Exit code and exported figures, everything in this process."""
    export = folder / "contract.json"
    code = main(["contract", "--jobs", "1", "--export", str(export), *arguments])
    return code, json.loads(export.read_text()) if export.is_file() else {}


def test_the_quick_contract_looks_at_all_that_a_bot_looks_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, figures = contract(tmp_path, "--quick")
    assert (code, figures["failures"], figures["passed"]) == (0, [], len(CHECKS))
    assert "tested with this release" in capsys.readouterr().out
    other(KITCHEN, "merge_features")(monkeypatch)
    monkeypatch.setattr(freqtrade, "__version__", UNKNOWN)
    code, figures = contract(tmp_path, "--quick")
    assert (code, figures["passed"], figures["tested"]) == (1, len(CHECKS) - 1, False)
    (failure,) = figures["failures"]
    assert failure["part"] == "models"
    assert "merge_features(another)" in failure["why"][0]
    printed = " ".join(capsys.readouterr().out.split())
    assert f"1 of {len(CHECKS)} checks failed; do not trade live with it" in printed


def test_bad_usage_of_the_contract(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["contract", "--jobs", "0"])
    assert stopped.value.code == 2
    assert "--jobs: 0 must be 1 or more" in capsys.readouterr().err
    assert main(["contract", "--quick", "--export", str(tmp_path / "none" / "a.json")]) == 2


OTHERS = [name for name, case in contract_trials.BY_BOTS.items() if case not in CORE]


def test_the_bots_of_the_contract_are_of_the_fault_matrix() -> None:
    """Those of its core run in its own test, the others below."""
    assert set(contract_trials.BY_BOTS.values()) <= {case.name for case in all_cases()}
    assert len(OTHERS) == 3


@pytest.mark.slow
def test_the_contract_runs_bots(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        contract_trials, "BY_BOTS", {name: contract_trials.BY_BOTS[name] for name in OTHERS}
    )
    code, figures = contract(tmp_path)
    assert figures["failures"] == []
    assert (code, figures["checks"]) == (0, len(CHECKS) + 2 + len(OTHERS))
    said = f"all {figures['checks']} checks passed here"
    assert said in " ".join(capsys.readouterr().out.split())


def test_a_table_that_freqai_writes_in_another_way_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert contract_trials.written().passed
    monkeypatch.setattr(prediction_table, "PRICES", {"high_price": "low"})
    outcome = contract_trials.written()
    assert (outcome.part, outcome.passed) == ("models", False)
    assert "high_price" in outcome.why[0]


def test_a_bot_that_cannot_be_run_fails_its_check_and_no_more(tmp_path: Path) -> None:
    outcome = contract_trials.tried(next(iter(contract_trials.BY_BOTS)), tmp_path, tmp_path)
    assert not outcome.passed
    assert outcome.why[0].startswith("FileExistsError")


def test_two_spellings_of_one_database_have_one_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    relative = journal_path(tmp_path, "sqlite:///bot/../trades.sqlite")
    assert relative == journal_path(tmp_path, f"sqlite:///{tmp_path}/trades.sqlite")
    assert relative != journal_path(tmp_path, "sqlite:///other.sqlite")
    assert journal_path(tmp_path, "sqlite://") != relative
