"""All that is put in the place of freqtrade's and ccxt's own functions, in one list.

Nothing else in :mod:`regimeswitch.bot` assigns to a function of theirs. Each entry says what it
expects of the original; :func:`install` looks at that first, on paper as well, so that a release
that does not fit ends the start with one message and never half of a bot.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

from freqtrade.exceptions import OperationalException

from regimeswitch.bot.signatures import Member, Misfit, misfits, named


Part = Literal["connection", "candles", "trades", "orders", "models"]
PARTS: tuple[Part, ...] = get_args(Part)
Owner = Literal[
    "client",
    "order client",
    "session",
    "exchange",
    "strategy",
    "messages",
    "telegram",
    "FreqAI",
    "drawer",
    "kitchen",
    "backtest",
]
Make = Callable[[Any], Any]
"""From the original to what takes its place."""

CLASSES: dict[Owner, tuple[str, ...]] = {
    "client": ("ccxt.binance", "ccxt.async_support.binance", "ccxt.pro.binance"),
    "order client": ("ccxt.binance",),
    "session": ("requests.Session",),
    "exchange": ("freqtrade.exchange.Binance",),
    "strategy": ("freqtrade.strategy.IStrategy",),
    "messages": ("freqtrade.rpc.rpc_manager.RPCManager",),
    "telegram": ("freqtrade.rpc.telegram.Telegram",),
    "FreqAI": ("freqtrade.freqai.freqai_interface",),
    "drawer": ("freqtrade.freqai.data_drawer.FreqaiDataDrawer",),
    "kitchen": ("freqtrade.freqai.data_kitchen.FreqaiDataKitchen",),
    "backtest": ("freqtrade.data.btanalysis.historic_precision",),
}
"""What the owners are made of; FreqAI is the module with its entry point, a backtest the one that
has what the module of backtests takes from it."""
AS_DECLARED: frozenset[Owner] = frozenset({"strategy"})
"""Owners whose hooks users write with parameters of their own: freqtrade's declaration counts."""


@dataclass(frozen=True)
class Patch:
    """One function of freqtrade's or ccxt's, and what takes its place.

    :ivar owner: whose it is, see :data:`CLASSES`
    :ivar name: of the attribute
    :ivar wrapper: module and function, below ``regimeswitch.bot``, that makes the replacement
    :ivar parameters: expected ones without ``self``, with spaces between
    :ivar part: of a bot that cannot do without it
    :ivar exact: the replacement takes these parameters and no others; else it hands all on
    """

    owner: Owner
    name: str
    wrapper: str
    parameters: str
    part: Part
    exact: bool = False

    @property
    def member(self) -> Member:
        """What is expected of the original."""
        use: Literal["replaced", "wrapped"] = "replaced" if self.exact else "wrapped"
        return Member(self.name, use, tuple(self.parameters.split()))


def _of(
    owner: Owner, part: Part, wrapper: str, exact: bool = False, **names: str
) -> tuple[Patch, ...]:
    """Patches of one owner that one piece of the bot makes.

    :param names: of the attributes, with the expected parameters
    """
    return tuple(Patch(owner, name, wrapper, given, part, exact) for name, given in names.items())


PATCHES = (
    *_of(
        *("client", "connection", "connection.rate_limits.Traffic.watch"),
        fetch="url method headers body",
        request="path api method params config",
        on_rest_response="code reason url method response_headers response_body",
    ),
    *_of(
        *("session", "connection", "connection.rate_limits.Traffic.watch"),
        request="method url params data headers cookies files auth timeout",
    ),
    *_of(
        *("order client", "orders", "orders.order_guard.OrderGuard", True),
        create_order="symbol type side amount price params",
        cancel_order="id symbol params",
        fetch_order="id symbol params",
    ),
    *_of(
        *("exchange", "connection", "connection.candle_filter.CandleGuard.install"),
        _async_get_candle_history="pair timeframe candle_type since_ms",
        _can_use_websocket="",
    ),
    *_of(
        *("exchange", "connection", "trading.due_exits.ExitWatch.install"),
        get_rate="pair refresh side is_short",
        create_order="pair ordertype side amount rate",
    ),
    *_of(
        *("exchange", "connection", "trading.exchange_stops.StopWatch.install"),
        create_stoploss="pair amount stop_price order_types side leverage",
    ),
    *_of(
        *("strategy", "trades", "trading.due_exits.ExitWatch.install"),
        should_exit="trade rate current_time",
        confirm_trade_exit="pair trade",
        adjust_trade_position="trade current_time",
    ),
    *_of(
        *("messages", "connection", "messages.messenger.Messenger"),
        process_msg_queue="queue",
    ),
    *_of(
        *("telegram", "connection", "messages.messenger.let_be_silent"),
        _message_loudness="msg",
    ),
    *_of(
        *("strategy", "models", "freqai.regime_candles.RegimeCandles.put_into"),
        feature_engineering_standard="dataframe metadata",
    ),
    *_of(
        *("FreqAI", "models", "freqai.adapter.RegimeFreqaiModel", True),
        get_tb_logger="model_type path activate",
    ),
    *_of(
        *("drawer", "models", "freqai.model_guard.ModelGuard.watch", True),
        save_data="model coin dk",
        save_drawer_to_disk="",
        save_global_metadata_to_disk="metadata",
        save_metric_tracker_to_disk="",
        save_historic_predictions_to_disk="",
    ),
    *_of(
        *("drawer", "models", "freqai.prediction_table.write_quickly", True),
        append_model_predictions="pair predictions do_preds dk strat_df",
        attach_return_values_to_return_dataframe="pair dataframe",
    ),
    *_of(
        *("kitchen", "models", "freqai.fast_merge.join_quickly", True),
        merge_features="df_main df_to_merge tf timeframe_inf suffix",
    ),
    *_of(
        *("kitchen", "models", "freqai.adapter.RegimeFreqaiModel.start_backtesting", True),
        use_strategy_to_populate_indicators=(
            "strategy corr_dataframes base_dataframes pair prediction_dataframe do_corr_pairs"
        ),
        save_backtesting_prediction="append_df",
    ),
    *_of(
        *("backtest", "models", "trading.tick_sizes.count_quickly", True),
        get_tick_size_over_time="candles",
    ),
)
"""All of them."""

_ALLOWED: set[str] = set()
_PUT = "_regimeswitch_patches"


def members_of(owner: Owner, *parts: Part) -> list[Member]:
    """What is expected of an owner's originals.

    :param parts: only what these parts of a bot replace; none = all
    """
    return [one.member for one in PATCHES if one.owner == owner and one.part in (parts or PARTS)]


def allow(misfit: Misfit) -> None:
    """From now on this difference keeps nothing from being put in place.

    :param misfit: one that :func:`regimeswitch.bot.compatibility.supported.check_parts` has found
    """
    _ALLOWED.add(misfit.what)


def install(owner: Owner, target: Any, **makes: Make) -> None:
    """Put replacements in the place of an object's own functions; all of them or none.

    :param target: the object, an owner of this kind
    :param makes: by name of the attribute, from the original to its replacement
    :raises OperationalException: naming what does not fit the installed freqtrade or ccxt
    """
    chosen = [one for one in PATCHES if one.owner == owner and one.name in makes]
    unknown = makes.keys() - {one.name for one in chosen}
    if unknown:
        raise KeyError(f"{', '.join(sorted(unknown))} of {owner}: not in the list of patches")
    looked_at = named(CLASSES[owner][0]) if owner in AS_DECLARED else target
    refused = [
        one.what
        for one in misfits(looked_at, [patch.member for patch in chosen])
        if one.fatal or one.what not in _ALLOWED
    ]
    if refused:
        raise OperationalException(
            f"the installed freqtrade or ccxt does not fit RegimeSwitch: {'; '.join(refused)}; "
            "`regimeswitch contract` tells all that does not fit"
        )
    made = {name: make(getattr(target, name)) for name, make in makes.items()}
    for name, replacement in made.items():
        setattr(target, name, replacement)
    vars(target).setdefault(_PUT, set()).update(made)


def is_installed(target: Any, name: str) -> bool:
    """Whether an object has had this function replaced before."""
    return name in vars(target).get(_PUT, ())


def take_out(target: Any) -> None:
    """Give an object that was put into use for a while its class's own functions back.

    A replacement refers to the object that it belongs to: without this, the object and all that it
    holds would stay until Python looks for such cycles.

    :param target: an object of which no function had been replaced by anybody else
    """
    for name in vars(target).pop(_PUT, ()):
        vars(target).pop(name, None)
