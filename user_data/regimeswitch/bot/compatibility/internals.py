"""What is used of freqtrade's and ccxt's internals: nothing of it is promised to stay as it is.

Every method that is replaced, overridden or called and every attribute that is read stands in a
table here, so that a release can be looked at before anything is wrapped. What a signature cannot
tell is in :mod:`regimeswitch.bot.compatibility.sources`.
"""

from __future__ import annotations

import importlib
import inspect
import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal


Use = Literal["replaced", "mended", "wrapped", "called", "read"]


@dataclass(frozen=True)
class Misfit:
    """Something that is not as it was when RegimeSwitch was written.

    :ivar what: owner, name and the difference
    :ivar fatal: nothing can be wrapped or called; otherwise it may work all the same
    """

    what: str
    fatal: bool = False


@dataclass(frozen=True)
class Member:
    """A method or an attribute of a class of freqtrade or ccxt.

    :ivar use: ``replaced`` by something that takes these parameters and no others; ``mended`` the
        same way, where there is anything to mend; ``wrapped`` by something that looks at these and
        hands all on; ``called`` with these, where others can be left out; or ``read``
    :ivar parameters: without ``self``
    """

    name: str
    use: Use
    parameters: tuple[str, ...] = ()

    def misfit(self, owner: Any) -> Misfit | None:
        """What is different in ``owner``, a class or an object; None where it fits."""
        label = f"{_name_of(owner)}.{self.name}"
        if self.use == "read":
            return None if _has(owner, self.name) else Misfit(f"{label} is missing", fatal=True)
        method = getattr(owner, self.name, None)
        if method is None and self.use == "mended":
            return None
        if not callable(method):
            return Misfit(f"{label} is missing", fatal=True)
        now = [one for one in _parameters(method) if one.name != "self"]
        if self._takes(now):
            return None
        expected = ", ".join(self.parameters)
        return Misfit(f"{label}({', '.join(map(str, now))}), expected ({expected})")

    def _takes(self, now: list[inspect.Parameter]) -> bool:
        count = len(self.parameters)
        if tuple(one.name for one in now[:count]) != self.parameters:
            return False
        if self.use == "called":
            return all(_may_be_left_out(one) for one in now[count:])
        return self.use == "wrapped" or len(now) == count


def _parameters(method: Any) -> list[inspect.Parameter]:
    found = inspect.signature(method).parameters.values()
    return [one.replace(annotation=inspect.Parameter.empty) for one in found]


def _may_be_left_out(one: inspect.Parameter) -> bool:
    collects = one.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return collects or one.default is not inspect.Parameter.empty


def _name_of(owner: Any) -> str:
    if inspect.ismodule(owner):
        return owner.__name__
    kind = owner if inspect.isclass(owner) else type(owner)
    return f"{kind.__module__.split('.')[0]} {kind.__name__}"


def _has(owner: Any, name: str) -> bool:
    """Whether a class or an object has an attribute, or its class gives it one when it is made."""
    kind = owner if inspect.isclass(owner) else type(owner)
    # A property of an object is not asked for: it may ask the exchange.
    if hasattr(kind, name) or name in vars(owner):
        return True
    classes = [one for one in kind.__mro__ if one.__module__.startswith("freqtrade")]
    given = re.compile(rf"\bself\.{name}\b(?!\()")
    return any(
        name in inspect.get_annotations(one) or given.search(source_of(one)) for one in classes
    )


def named(path: str) -> Any:
    """A class of freqtrade by module and name; FreqAI, which takes seconds, only when asked for."""
    module, _, name = path.rpartition(".")
    with warnings.catch_warnings():
        # What freqtrade's own imports warn of is not ours to tell.
        warnings.simplefilter("ignore")
        return getattr(importlib.import_module(module), name)


@cache
def source_of(thing: Any) -> str:
    """The source of a module or class; reading a large one takes a tenth of a second."""
    return inspect.getsource(thing)


def replaced(name: str, parameters: str = "") -> Member:
    """A method that is replaced or overridden.

    :param parameters: their names, with spaces between
    """
    return Member(name, "replaced", tuple(parameters.split()))


def mended(name: str, parameters: str) -> Member:
    """A method with a fault that is mended; older releases need not have it."""
    return Member(name, "mended", tuple(parameters.split()))


def wrapped(name: str, parameters: str) -> Member:
    """A method that is wrapped; the first parameters, as in :func:`replaced`."""
    return Member(name, "wrapped", tuple(parameters.split()))


def called(name: str, parameters: str = "") -> Member:
    """A method that is called; parameters as in :func:`replaced`."""
    return Member(name, "called", tuple(parameters.split()))


def read(*names: str) -> list[Member]:
    """Attributes."""
    return [Member(name, "read") for name in names]


ORDER_CLIENT = [
    replaced("create_order", "symbol type side amount price params"),
    replaced("cancel_order", "id symbol params"),
    replaced("fetch_order", "id symbol params"),
    called("fetch_open_orders", "symbol since limit params"),
    called("fetch_my_trades", "symbol since limit params"),
    called("fetch_balance", "params"),
]
"""Of the exchange client that freqtrade places orders with."""
CLIENT = [
    wrapped("fetch", "url method headers body"),
    wrapped("on_rest_response", "code reason url method response_headers response_body"),
    wrapped("request", "path api method params config"),
    called("fetch_time"),
    *read("session", "urls", "timeout", "options"),
]
"""Of each exchange client: the requests that are watched."""
EXCHANGE = [
    *read("_api", "_api_async", "_ws_async", "_exchange_ws", "_can_use_websocket"),
    *read("_async_get_candle_history", "markets", "id"),
    wrapped("get_rate", "pair refresh side is_short"),
    wrapped("create_order", "pair ordertype side amount rate"),
    wrapped("create_stoploss", "pair amount stop_price order_types side leverage"),
]
EXCHANGE_OF_ADOPTION = [
    called("get_fee", "symbol order_type side amount price taker_or_maker"),
    called("get_pair_base_currency", "pair"),
    called("get_precision_amount", "pair"),
    called("get_precision_price", "pair"),
    called("get_contract_size", "pair"),
    *read("precisionMode", "precision_mode_price"),
]
DATA_PROVIDER = [
    *read("_exchange", "runmode", "available_pairs"),
    called("send_msg", "message always_send"),
    called("ohlcv", "pair timeframe copy"),
    called("get_pair_dataframe", "pair timeframe"),
    called("get_analyzed_dataframe", "pair timeframe"),
    called("orderbook", "pair maximum"),
    called("current_whitelist"),
    *read("__rpc"),
]
RPC = [
    wrapped("process_msg_queue", "queue"),
    called("send_msg", "msg"),
    *read("registered_modules"),
]
"""Of freqtrade's manager of messages."""
TRADE = [
    called("get_trades_proxy"),
    called("get_open_trades"),
    called("delete"),
    called("close", "rate"),
    called("update_fee", "fee_cost fee_currency fee_rate side"),
    called("recalc_trade_from_orders"),
    called("adjust_stop_loss", "current_price stoploss initial"),
    called("commit"),
    called("get_total_closed_profit"),
    called("set_custom_data", "key value"),
    called("get_custom_data", "key"),
    *read("session", "orders", "is_open", "amount", "has_open_orders", "has_open_sl_orders"),
    *read("safe_base_currency", "fee_open_currency", "open_date_utc", "entry_side", "exit_side"),
    *read("open_sl_orders", "has_open_position", "stop_loss", "safe_quote_currency"),
    called("select_filled_orders", "order_side"),
    *read("nr_of_successful_entries", "date_last_filled_utc", "is_stop_loss_trailing"),
]
ORDER = [
    called("parse_from_ccxt_object", "order pair side amount price"),
    *read("session", "id", "order_id", "ft_pair", "ft_is_open", "ft_order_side", "ft_fee_base"),
    *read("filled", "status", "cost", "average", "ft_amount", "ft_price", "ft_order_tag"),
]
ORDER_OF_TRADE = read(
    *("ft_order_side", "ft_is_open", "price", "stop_price", "safe_filled", "safe_price"),
    *("order_date_utc", "order_filled_utc", "safe_amount_after_fee", "stake_amount"),
)
STORE = [called("store_value", "key value"), called("get_string_value", "key")]
WALLETS = [
    called("update"),
    called("get_total", "currency"),
    called("get_total_stake_amount"),
    called("get_starting_balance"),
    called("get_free", "currency"),
    called("get_used", "currency"),
]
MODEL = [
    replaced("start", "dataframe metadata strategy"),
    replaced("start_backtesting", "dataframe metadata dk strategy"),
    replaced("start_live", "dataframe metadata strategy dk"),
    replaced(
        "extract_data_and_train_model",
        "new_trained_timerange pair strategy dk data_load_timerange",
    ),
    replaced("build_strategy_return_arrays", "dataframe dk pair trained_timestamp"),
    replaced("model_exists", "dk"),
    mended("_append_null_backtesting_predictions", "dk dataframe_backtest"),
    replaced("train", "unfiltered_df pair dk kwargs"),
    replaced("predict", "unfiltered_df dk kwargs"),
    replaced("fit", "data_dictionary dk kwargs"),
    replaced("fit_live_predictions", "dk pair"),
    replaced("_on_stop"),
    called("define_data_pipeline", "threads"),
    *read("_threads", "total_pairs", "full_path"),
    *read("train_queue", "live", "dd", "freqai_info", "ft_params", "data_split_parameters"),
    *read("class_names", "training_timerange", "scanning", "_stop_event"),
]
"""Of FreqAI's model: what the two models override and use."""
DRAWER = [
    replaced("save_data", "model coin dk"),
    replaced("save_historic_predictions_to_disk"),
    replaced("save_drawer_to_disk"),
    replaced("save_global_metadata_to_disk", "metadata"),
    replaced("save_metric_tracker_to_disk"),
    called("load_data", "coin dk"),
    called("get_pair_dict_info", "pair"),
    called("get_base_and_corr_dataframes", "timerange pair dk"),
    *read("pair_dict", "historic_data", "historic_predictions", "model_return_values"),
    *read("history_lock", "pair_dictionary_path", "global_metadata_path", "metric_tracker_path"),
    *read("historic_predictions_path", "historic_predictions_bkp_path"),
]
"""Of FreqAI's data drawer, which keeps the models."""
KITCHEN = [
    replaced("merge_features", "df_main df_to_merge tf timeframe_inf suffix"),
    replaced(
        "use_strategy_to_populate_indicators",
        "strategy corr_dataframes base_dataframes pair prediction_dataframe do_corr_pairs",
    ),
    called("filter_features", "unfiltered_df training_feature_list label_list training_filter"),
    called("make_train_test_datasets", "filtered_dataframe labels"),
    called(
        "build_data_dictionary",
        "train_df test_df train_labels test_labels train_weights test_weights",
    ),
    called("find_features", "dataframe"),
    called("get_unique_classes_from_labels", "dataframe"),
    called("set_paths", "pair trained_timestamp"),
    called("set_new_model_names", "pair timestamp_id"),
    called("set_weights_higher_recent", "num_weights"),
    called("fit_labels"),
    *read("data", "data_path", "full_path", "model_filename", "backtest_predictions_folder"),
    *read("backtesting_results_path", "return_dataframe"),
    *read("training_timeranges", "backtesting_timeranges", "training_features_list"),
    *read("label_list", "unique_class_list", "all_pairs", "thread_count", "do_predict"),
    *read("feature_pipeline", "label_pipeline", "DI_values", "data_dictionary"),
]
"""Of FreqAI's data kitchen, which makes features and training rows."""

HISTORY = [
    called("refresh_backtest_ohlcv_data", "exchange pairs timeframes datadir trading_mode"),
    called("load_pair_history", "pair timeframe datadir"),
]
"""Of the module that downloads and loads candle files, for pairs that join."""
STRATEGY = [
    wrapped("should_exit", "trade rate current_time"),
    wrapped("confirm_trade_exit", "pair trade"),
    wrapped("adjust_trade_position", "trade current_time"),
    wrapped("_adjust_trade_position_internal", "trade current_time"),
    called("get_exit_signal", "pair timeframe dataframe is_short"),
    called("lock_pair", "pair until reason side"),
]


def misfits(owner: Any, members: Iterable[Member]) -> list[Misfit]:
    """What is different in a class or an object."""
    return [one for member in members if (one := member.misfit(owner)) is not None]
