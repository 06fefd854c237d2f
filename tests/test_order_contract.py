"""What the guards take for granted about freqtrade and its exchange client, release by release.

A failure here means that freqtrade has changed something that the guards wrap or imitate. Its text
says what to compare; then add the release to ``bot/supported.py`` and to requirements.lock.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from pathlib import Path

import ccxt
import ccxt.async_support
import freqtrade
import pytest
from freqtrade.data.dataprovider import DataProvider
from freqtrade.exceptions import DependencyException, OperationalException, TemporaryError
from freqtrade.exchange import Exchange
from freqtrade.exchange import exchange as exchange_module
from freqtrade.freqtradebot import FreqtradeBot
from freqtrade.persistence import Order, Trade

from regimeswitch.bot.answers import NoAnswer, Withheld
from regimeswitch.bot.inquiry import NotPlaced
from regimeswitch.bot.journal import journal_path
from regimeswitch.bot.modelfiles import ENDINGS
from regimeswitch.bot.modelguard import JSON_FILES
from regimeswitch.bot.supported import FREQTRADE_VERSIONS, check_version, moved_methods


def client_calls(name: str) -> set[str]:
    """Methods of freqtrade's Exchange that call a method of the exchange client."""
    tree = ast.parse(inspect.getsource(exchange_module))
    found = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        calls = {ast.unparse(one.func) for one in ast.walk(node) if isinstance(one, ast.Call)}
        if calls & {f"self._api.{name}", f"self._api_async.{name}"}:
            found.add(node.name)
    return found


def test_this_freqtrade_is_one_that_the_guards_know() -> None:
    assert freqtrade.__version__ in FREQTRADE_VERSIONS, (
        "another freqtrade than the guards were written for: read the release notes for exchange "
        "and persistence, run this file, then add the release to bot/supported.py"
    )


@pytest.mark.parametrize("client", [ccxt.binance, ccxt.async_support.binance])
def test_the_wrapped_methods_have_the_known_parameters(client: type) -> None:
    assert moved_methods(client()) == []


def test_orders_are_sent_from_the_known_places_alone() -> None:
    assert client_calls("create_order") == {"create_order", "create_stoploss"}, (
        "freqtrade sends orders from other methods than before: see that each of them still goes "
        "through `_api.create_order`, which bot/orders.py wraps"
    )
    assert client_calls("cancel_order") == {"cancel_order"}
    for name in ("edit_order", "create_orders", "cancel_orders", "cancel_all_orders"):
        assert client_calls(name) == set(), f"_api.{name} is not wrapped by bot/orders.py"


def test_a_placed_order_is_never_sent_again_by_freqtrade_itself() -> None:
    assert not hasattr(Exchange.create_order, "__wrapped__"), (
        "create_order has a decorator now: if it retries, an order could be sent twice"
    )
    closure = inspect.getclosurevars(Exchange.create_stoploss).nonlocals
    assert closure["retries"] == 0, "create_stoploss is retried now"


def test_the_guards_errors_are_ones_that_freqtrade_survives() -> None:
    """As ``TemporaryError``: no entry, no emergency exit, no pause of seconds between retries."""
    for error in (NoAnswer, Withheld, NotPlaced):
        assert issubclass(error, ccxt.OperationFailed | ccxt.ExchangeError)
        assert not issubclass(error, ccxt.DDoSProtection | ccxt.InvalidOrder | ccxt.BadRequest)
    assert issubclass(TemporaryError, DependencyException)


def test_an_adopted_trade_has_every_field_that_freqtrade_gives_a_new_one() -> None:
    """``bot/adoption.py`` writes trades as ``FreqtradeBot.execute_entry`` does."""

    def fields(source: str) -> set[str]:
        calls = [one for one in ast.walk(ast.parse(source)) if isinstance(one, ast.Call)]
        (made,) = [one for one in calls if ast.unparse(one.func) == "Trade"]
        return {str(keyword.arg) for keyword in made.keywords}

    entry = textwrap.dedent(inspect.getsource(FreqtradeBot.execute_entry))
    ours = Path(inspect.getfile(NoAnswer)).with_name("adoption.py").read_text()
    assert fields(ours) == fields(entry), "freqtrade's new trades have other fields: adopt them"


def test_what_adoption_uses_of_freqtrade_is_there() -> None:
    assert list(inspect.signature(Order.parse_from_ccxt_object).parameters) == [
        *("order", "pair", "side", "amount", "price")
    ]
    assert list(inspect.signature(Order.order_by_id).parameters) == ["order_id", "pair"]
    for name in ("recalc_trade_from_orders", "adjust_stop_loss", "get_trades_proxy", "commit"):
        assert hasattr(Trade, name), f"Trade.{name} is gone: see bot/adoption.py"
    source = inspect.getsource(DataProvider.__init__)
    assert "self._exchange = exchange" in source, "dp._exchange is gone: see bot/guards.py"
    started = inspect.getsource(FreqtradeBot.__init__)
    order = [started.index(step) for step in ("init_db(", "self.strategy.dp =", "ft_bot_start()")]
    assert order == sorted(order), "bot_start comes before the database or the data provider now"
    startup = inspect.getsource(FreqtradeBot.startup)
    assert "startup_update_open_orders" in startup, "adopted orders are not looked at when starting"


def test_candles_come_by_the_known_ways_alone() -> None:
    """``bot/candleguard.py`` stands in both: what is fetched, and whether streams are used."""
    assert client_calls("fetch_ohlcv") == {"_async_get_candle_history"}
    (fetch,) = [
        one
        for one in ast.walk(ast.parse(inspect.getsource(exchange_module)))
        if isinstance(one, ast.AsyncFunctionDef) and one.name == "_async_get_candle_history"
    ]
    known = ["self", "pair", "timeframe", "candle_type", "since_ms"]
    assert [one.arg for one in fetch.args.args] == known
    for name, method in vars(Exchange).items():
        source = inspect.getsource(method) if inspect.isfunction(method) else ""
        if "_exchange_ws.get_ohlcv" in source or "_exchange_ws.schedule_ohlcv" in source:
            assert "self._can_use_websocket(" in source, (
                f"Exchange.{name} uses candle streams without asking whether it may"
            )


@pytest.mark.filterwarnings("default")
def test_what_the_model_guard_wraps_of_freqai_is_there() -> None:
    # FreqAI warns when it is imported.
    from freqtrade.freqai.data_drawer import FreqaiDataDrawer
    from freqtrade.freqai.freqai_interface import IFreqaiModel

    written = inspect.getsource(FreqaiDataDrawer)
    for method, attribute in [
        *JSON_FILES,
        ("save_historic_predictions_to_disk", "historic_predictions_path"),
        ("save_historic_predictions_to_disk", "historic_predictions_bkp_path"),
    ]:
        assert f"self.{attribute}" in inspect.getsource(getattr(FreqaiDataDrawer, method))
    assert list(inspect.signature(FreqaiDataDrawer.save_data).parameters) == [
        *("self", "model", "coin", "dk")
    ]
    for ending in ENDINGS:
        kind = ending.split(".")[0].removeprefix("_")
        assert kind in written or kind.upper() in written, f"FreqAI writes no {ending} any more"
    scanning = inspect.getsource(IFreqaiModel._start_scanning)
    assert "self.extract_data_and_train_model(" in inspect.getsource(IFreqaiModel), (
        "trainings come by another method: see bot/model.py"
    )
    assert "self._stop_event" in scanning


def test_an_unknown_freqtrade_does_not_trade_live() -> None:
    with pytest.raises(OperationalException, match="allow_untested_freqtrade"):
        check_version("2031.1", ccxt.binance(), allowed=False)
    check_version("2031.1", ccxt.binance(), allowed=True)


def test_a_client_that_does_not_fit_is_refused_in_any_case() -> None:
    class Moved(ccxt.binance):
        def create_order(self, symbol: str, order: dict[str, object]) -> None:
            """Another signature."""

    with pytest.raises(OperationalException, match="create_order"):
        check_version(FREQTRADE_VERSIONS[0], Moved(), allowed=True)


def test_two_spellings_of_one_database_have_one_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    relative = journal_path(tmp_path, "sqlite:///bot/../trades.sqlite")
    assert relative == journal_path(tmp_path, f"sqlite:///{tmp_path}/trades.sqlite")
    assert relative != journal_path(tmp_path, "sqlite:///other.sqlite")
    assert journal_path(tmp_path, "sqlite://") != relative
