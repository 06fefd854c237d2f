"""Freqtrade strategy: columns in; signals, stakes and stops out.

Position mode holds a pair while its own regime says so; signal mode trades on what the sub-model of
the regime forecasts. Settings: section "regimeswitch" of the config. Use it with ``--freqaimodel
RegimeSwitchClassifier`` or ``RegimeSwitchRegressor``.
"""

import sys
from pathlib import Path


sys.path.append(str(Path(__file__).resolve().parents[1]))

import pandas as pd
from freqtrade.enums import ExitCheckTuple, ExitType, RunMode
from freqtrade.strategy import DecimalParameter, IStrategy

from regimeswitch import __version__
from regimeswitch.bot.bot_settings import (
    mark_identifier,
    settings_from,
    startup_from,
    switch_freqai_off,
    trains,
)
from regimeswitch.bot.charts.chart_marks import chart_marks, trade_lines
from regimeswitch.bot.charts.chart_plots import COSTS_COLUMN, entry_costs, plots, shrink
from regimeswitch.bot.freqai.addition_columns import say_what_is_added, with_models
from regimeswitch.bot.freqai.backtest_range import bound_timerange
from regimeswitch.bot.freqai.candle_reach import check_history
from regimeswitch.bot.freqai.columns import SENT_COLUMN
from regimeswitch.bot.freqai.newest_features import reads_candles_alone
from regimeswitch.bot.freqai.recent_drift import drifted_features
from regimeswitch.bot.freqai.regime_candles import own_candles, pair_regimes
from regimeswitch.bot.freqai.shared_training import shared_pairs
from regimeswitch.bot.guards import Guards
from regimeswitch.bot.model_bots.answers import ModelAnswers
from regimeswitch.bot.model_bots.model_rows import Maker, model_columns, written
from regimeswitch.bot.model_bots.roles import checked_role
from regimeswitch.bot.overrides import (
    check_label_period,
    check_overrides,
    check_spaces,
    check_startup,
)
from regimeswitch.bot.searched_candles import bad_candles_once, cleaned_once
from regimeswitch.bot.text_storage import keep_text_as_objects
from regimeswitch.bot.trading.account_reasons import AccountReasons
from regimeswitch.bot.trading.entry_filters import no_trade_reasons, position_reasons
from regimeswitch.bot.trading.entry_reasons import CODE_COLUMN, REASON_COLUMN, codes_of
from regimeswitch.bot.trading.marked_equity import LossLimits
from regimeswitch.bot.trading.notices import Notices
from regimeswitch.bot.trading.position_exits import Positions
from regimeswitch.bot.trading.reading_hooks import only_reads
from regimeswitch.bot.trading.reentry import stopped_out
from regimeswitch.bot.trading.regime_ends import mark_ends
from regimeswitch.bot.trading.resizing import ADDED, Resizing
from regimeswitch.bot.trading.shadow_columns import SHADOWED, shadow_columns, side_cost
from regimeswitch.bot.trading.signal_columns import put_signals
from regimeswitch.bot.trading.stakes import Stakes, Wanted
from regimeswitch.bot.trading.tick_sizes import count_quickly
from regimeswitch.bot.trial_ledger import note_hyperopt
from regimeswitch.market.features import (
    basic_features,
    calendar_features,
    period_features,
)
from regimeswitch.market.labels import (
    CLASS_COLUMN,
    CLASSES,
    RETURN_COLUMN,
    VOLATILITY_TARGET,
    class_labels,
    forward_return,
    next_day_volatility,
)
from regimeswitch.market.regimes import by_regime, five_minute_range
from regimeswitch.market.rule_lines import rule_line_columns
from regimeswitch.market.volatility import position_columns
from regimeswitch.market.volatility_features import volatility_features
from regimeswitch.settings import REGIME_NAMES
from regimeswitch.settings.bots_settings import MODEL, TRADING
from regimeswitch.settings.modes import POSITION


class RegimeSwitchStrategy(IStrategy):
    """Entries, exits, stakes and stops by regime; see docs/strategy.md."""

    INTERFACE_VERSION = 3
    timeframe = "5m"
    process_only_new_candles = True
    use_exit_signal = True
    use_custom_stoploss = True
    use_custom_roi = True
    stoploss = -0.25
    minimal_roi = {"0": 10.0}  # noqa: RUF012
    startup_candle_count = 700

    buy_bull = DecimalParameter(0.2, 0.8, default=0.35, decimals=2, space="buy")
    buy_bear = DecimalParameter(0.2, 0.8, default=0.5, decimals=2, space="buy")
    buy_sideways = DecimalParameter(0.2, 0.8, default=0.4, decimals=2, space="buy")
    sell_bull = DecimalParameter(0.2, 0.8, default=0.45, decimals=2, space="sell")
    sell_bear = DecimalParameter(0.2, 0.8, default=0.4, decimals=2, space="sell")
    sell_sideways = DecimalParameter(0.2, 0.8, default=0.45, decimals=2, space="sell")

    def __init__(self, config):
        # freqtrade writes it a moment later; warm-up and identifier depend on it.
        config["timeframe"] = config.get("timeframe") or self.timeframe
        keep_text_as_objects()
        count_quickly()
        self.rs = settings_from(config)
        self.has_models = trains(config, self.rs)
        self.role = checked_role(config, self.rs, self.has_models)
        self.trains = self.has_models and self.role != TRADING
        mark_identifier(config, self.rs)
        check_overrides(config, self.rs)
        if config.get("runmode") == RunMode.HYPEROPT:
            check_spaces(config, self.rs)
        bound_timerange(config, self.rs)
        super().__init__(config)
        self.startup_candle_count = startup_from(config, self.rs)
        check_startup(config, self.startup_candle_count)
        if not self.trains:
            switch_freqai_off(config)
        say_what_is_added(config, self.rs, self.has_models)
        if self.trains:
            check_label_period(config, self.rs)
        self.can_short = self.rs.entries.short
        self.holds = self.rs.entries.mode == POSITION
        if self.holds:
            # The end of the regime closes; what the config gives instead comes after this.
            self.stoploss, self.minimal_roi, self.use_custom_roi = -0.99, {}, False
            self.position_adjustment_enable = self.rs.risk.rebalance_band > 0
        self.plot_config = plots(self.rs, self.has_models, self._model)
        self.buy_params = {f"buy_{k}": v for k, v in self.rs.entries.buy.model_dump().items()}
        self.sell_params = {f"sell_{k}": v for k, v in self.rs.entries.sell.model_dump().items()}
        self.notices = Notices()
        self.guards = Guards(self.rs)
        self.guards.check(config)
        self.positions = Positions(self, self.rs)
        self.stakes = Stakes(self, self.rs, self.positions.record, self.notices)
        self.resizing = Resizing(self, self.rs, self.stakes)
        self.limits = self.account = self.answers = None

    def bot_start(self, **kwargs):
        """Guards on, before anything is traded; a backtest has the loss limits alone."""
        self.notices.begin(self, self.rs)
        self.guards.install(self)
        self.limits = LossLimits(self, self.rs)
        if self.role == TRADING:
            self.answers = ModelAnswers(self, self.rs)
        if self._is_running() and self.role != MODEL:
            self.account = AccountReasons(self, self.rs, self.stakes, self.limits)
        if self.config.get("runmode") == RunMode.HYPEROPT:
            note_hyperopt(self.config)

    def bot_loop_start(self, current_time, **kwargs):
        """What is unknown is asked for again; limits, outages and equity are looked at."""
        self.guards.loop_started(self, current_time)
        self.limits.look(current_time)
        self.notices.loop(self, self.limits.equity, current_time)

    def confirm_trade_entry(
        self, pair, order_type, amount, rate, time_in_force, current_time, entry_tag, side, **kwargs
    ):
        """No entry while a guard refuses it or beyond a loss limit."""
        if self.role == MODEL:
            return False
        guard = self.guards.refusal(pair, current_time, entry_tag or "")
        limit = "" if guard else self.limits.refusal(current_time)
        stopped = ""
        if self.holds and not (guard or limit):
            stopped = stopped_out(self, pair, current_time)
        refusal = guard or limit or stopped
        if self.account is not None:
            self.account.note(pair, guard=guard, limit=limit, account=stopped)
        self.stakes.note(pair, refusal, entry_tag or "", side == "short")
        return not refusal

    @property
    def forecasts_return(self):
        """True with a regressor, whose target is a number instead of a class."""
        return self._model.endswith("Regressor")

    @property
    def _model(self):
        return str(self.config.get("freqaimodel", ""))

    def _is_running(self):
        return self.dp.runmode in (RunMode.DRY_RUN, RunMode.LIVE)

    def version(self):
        """Of the package, as ``regimeswitch --version`` says it."""
        return __version__

    def informative_pairs(self):
        """The rule's candles of every pair, and of the reference pair."""
        regime = self.rs.regime
        pairs = {regime.anchor_of(pair) for pair in self.dp.current_whitelist()}
        if self.holds:
            pairs |= {*self.dp.current_whitelist()}
        return [(pair, regime.timeframe) for pair in sorted(pairs)]

    @reads_candles_alone
    def feature_engineering_expand_all(self, dataframe, period, metadata, **kwargs):
        """Features of one look-back period."""
        candles, base = self._block(dataframe, metadata["tf"])
        return pd.concat([dataframe, period_features(candles, period, base)], axis=1)

    @reads_candles_alone
    def feature_engineering_expand_basic(self, dataframe, metadata, **kwargs):
        """Features without a look-back period."""
        candles, base = self._block(dataframe, metadata["tf"])
        return pd.concat([dataframe, basic_features(candles, base)], axis=1)

    def _block(self, dataframe, timeframe):
        """Candles to compute features of, and the base timeframe where they are its own."""
        base = timeframe if timeframe == self.timeframe else None
        return cleaned_once(dataframe, timeframe, self.rs.safety), base

    @reads_candles_alone
    def feature_engineering_standard(self, dataframe, metadata, **kwargs):
        """Calendar features, and volatility, range and volume against the past week."""
        candles = cleaned_once(dataframe, self.timeframe, self.rs.safety)
        activity = volatility_features(candles, self.timeframe)
        return pd.concat([dataframe, calendar_features(dataframe), activity], axis=1)

    def set_freqai_targets(self, dataframe, metadata, **kwargs):
        """What the models learn: a class, for a regressor the return or next day's volatility."""
        bad = bad_candles_once(dataframe, self.timeframe, self.rs.safety)
        if self.forecasts_return and self.holds:
            size = next_day_volatility(dataframe, self.timeframe, bad)
            return dataframe.assign(**{VOLATILITY_TARGET: size})
        known = (dataframe, self.rs.labels, self.timeframe, bad)
        if self.forecasts_return:
            return dataframe.assign(**{RETURN_COLUMN: forward_return(*known)})
        self.freqai.class_names = list(CLASSES)
        return dataframe.assign(**{CLASS_COLUMN: class_labels(*known)})

    def analyze_pair(self, pair):
        """As freqtrade has it; a trading bot looks at a candle again once the models have answered.

        Asked for in every loop, where freqtrade skips a candle that it has seen.
        """
        if self.answers is not None:
            self.process_only_new_candles = not self.answers.has_news(pair)
        super().analyze_pair(pair)

    def populate_indicators(self, dataframe, metadata):
        """Regime, predictions, candle checks, volatility and the ATR behind the stops."""
        pair = metadata["pair"]
        if self.trains and self.dp.runmode in (RunMode.BACKTEST, RunMode.HYPEROPT):
            check_history(self.dp, pair, self.config, shared_pairs(self.config))
        bad = bad_candles_once(dataframe, self.timeframe, self.rs.safety)
        self.notices.bad_candles(pair, self.timeframe, bad)
        # Columns put on before FreqAI starts would come back copied once per feature block.
        frame = self.freqai.start(dataframe, metadata, self) if self.trains else dataframe
        history = self.freqai.dd.historic_data if self.trains else None
        known = (frame, pair, self.dp, self.timeframe, self.rs, history)
        if self.answers is not None:
            frame = self.answers.added(pd.concat([frame, pair_regimes(*known)], axis=1), pair)
        parts = [frame]
        decides = self.rs.regime.anchor_of(pair) == pair
        base_and_rule = own_candles(*known) if decides or self.holds else ()
        if decides:
            parts.append(rule_line_columns(*base_and_rule, self.rs.regime, self.timeframe))
        if "regime" not in frame.columns:
            parts.append(pair_regimes(*known))
        own = {"bad_candle": bad.any(axis=1).to_numpy()}
        if self.holds:
            positions = position_columns(*base_and_rule, self.rs, self.timeframe)
            parts.append(with_models(positions, frame, self.rs))
        else:
            clean = base_and_rule[:1] or [cleaned_once(frame, self.timeframe, self.rs.safety)]
            period = self.rs.risk.atr_period_in(self.timeframe)
            own["stop_atr"] = five_minute_range(clean[0], period, self.timeframe)
        frame = pd.concat([*parts, pd.DataFrame(own, index=frame.index)], axis=1)
        if self.role == MODEL:
            names = model_columns(self.config, self.rs)
            sent = written(frame, names, Maker.of(self.config))
            frame = pd.concat([frame, sent.rename(SENT_COLUMN)], axis=1)
        if self.holds and self.dp.runmode in SHADOWED:
            cost = side_cost(self.config, self.rs)
            shadow = shadow_columns(frame, self.timeframe, self.rs, cost)
            frame = pd.concat([frame, shadow], axis=1)
        self.notices.regime_switch(pair, frame, self.dp)
        if self.trains:
            self.notices.model(pair, frame, self.freqai.dd.model_dictionary.get(pair))
            self.notices.drift(pair, frame, drifted_features(self.freqai, pair))
        return frame

    def populate_entry_trend(self, dataframe, metadata):
        """In while the regime says so, or on answers that are strong and pay."""
        if self.holds:
            return self._held(dataframe, metadata["pair"])
        up, down = self._says_up(dataframe), self._says_down(dataframe)
        leaving = self._says_down(dataframe, leaving=True)
        reasons = no_trade_reasons(dataframe, up, leaving, self.rs)
        long = (reasons == "").to_numpy()
        put_signals(dataframe, long, "enter_long", "enter_tag", dataframe["regime"])
        if self.can_short:
            short = (no_trade_reasons(dataframe, down, up, self.rs, short=True) == "").to_numpy()
            put_signals(dataframe, short, "enter_short", "enter_tag", dataframe["regime"])
            reasons[short] = ""
        dataframe[COSTS_COLUMN] = entry_costs(dataframe["regime_code"], self.rs)
        return self._with_reasons(dataframe, metadata["pair"], reasons)

    def _held(self, dataframe, pair):
        """A signal on every candle of a wanted regime: a bot that starts inside one enters."""
        reasons, regime = position_reasons(dataframe, self.rs), dataframe["regime"]
        long = (reasons == "").to_numpy()
        put_signals(dataframe, long, "enter_long", "enter_tag", regime)
        if self.can_short:
            below = position_reasons(dataframe, self.rs, short=True)
            short = (below == "").to_numpy()
            put_signals(dataframe, short, "enter_short", "enter_tag", regime)
            reasons = reasons.where(~short, "")
        return self._with_reasons(dataframe, pair, reasons)

    def _with_reasons(self, dataframe, pair, reasons):
        """Why there is no entry; the signals are set, and what the account says changes none."""
        if self.account is not None:
            reasons = self.account.with_account(pair, dataframe, reasons)
        self.notices.no_trade(pair, reasons, self.dp)
        return dataframe.assign(**{REASON_COLUMN: reasons, CODE_COLUMN: codes_of(reasons)})

    def populate_exit_trend(self, dataframe, metadata):
        """Out when an unwanted regime begins; answers close by the trade's own regime, later."""
        for short in (False, True) if self.can_short else (False,):
            mark_ends(dataframe, self.rs, short)
        return dataframe

    def should_exit(self, trade, rate, current_time, *, enter, exit_, **kwargs):
        """As freqtrade has it; what its hook would cost is asked for here in position mode.

        An unwanted regime closes a trade that was forced in it only by beginning anew.
        """
        leaves = exit_ and self.positions.may_leave(trade, current_time)
        exits = super().should_exit(trade, rate, current_time, enter=enter, exit_=leaves, **kwargs)
        if self.holds and self.use_exit_signal and not leaves:
            # A candle of a wanted regime nearly always says enter: then nothing can be overdue, and
            # no frame is cut and searched for each candle of each trade. So a backtest pays next to
            # nothing for closing what the one mark at the switch has missed, and decides as a bot.
            reason = None if enter else self.positions.overdue(trade, current_time)
            reason = reason or self._exit_reason(trade, current_time, rate)
            if reason:
                exits.insert(0, ExitCheckTuple(ExitType.CUSTOM_EXIT, reason))
        return exits

    def _exit_reason(self, trade, now, rate, candle=None):
        limit = self.limits.exit_reason(now)
        return limit or self.positions.exit_reason(trade, now, rate, candle)

    def ft_stoploss_adjust(self, current_rate, trade, *args, **kwargs):
        """As freqtrade has it; the disaster stop of position mode is worked out once."""
        if self.holds and not self.trailing_stop and trade.stop_loss != trade.initial_stop_loss:
            if trade.is_stop_loss_trailing:
                self.positions.keep_stop(trade)
            return
        super().ft_stoploss_adjust(current_rate, trade, *args, **kwargs)

    def _says_up(self, dataframe):
        if self.forecasts_return:
            return dataframe[RETURN_COLUMN] >= self.rs.entries.expected_return
        return dataframe["buy"] >= self._threshold(dataframe, "buy")

    def _says_down(self, dataframe, leaving=False):
        if self.forecasts_return:
            entries = self.rs.entries
            limit = entries.exit_return if leaving else -entries.expected_return
            return dataframe[RETURN_COLUMN] <= limit
        return dataframe["sell"] >= self._threshold(dataframe, "sell")

    def _threshold(self, dataframe, side):
        values = {name: float(getattr(self, f"{side}_{name}").value) for name in REGIME_NAMES}
        return by_regime(dataframe["regime_code"], values)

    def custom_stake_amount(
        self,
        pair,
        current_time,
        current_rate,
        proposed_stake,
        min_stake,
        max_stake,
        leverage,
        entry_tag,
        side,
        **kwargs,
    ):
        """Stake by the settings: sizing, regime, pending switch, caps."""
        return self.stakes.stake(
            Wanted(
                pair=pair,
                now=current_time,
                price=current_rate,
                proposed=proposed_stake,
                least=min_stake,
                most=max_stake,
                tag=entry_tag or "",
                short=side == "short",
            )
        )

    def _adjust_trade_position_internal(self, trade, current_time, *args, **kwargs):
        """As freqtrade has it, without a copy of the trade on every candle where nothing is due."""
        if trade.has_open_orders or not self.resizing.may_be_due(trade, current_time):
            return None, ""
        return super()._adjust_trade_position_internal(trade, current_time, *args, **kwargs)

    def adjust_trade_position(
        self, trade, current_time, current_rate, current_profit, min_stake, max_stake, **kwargs
    ):
        """Position mode: back to the target once the position has left its band."""
        if not self.rs.risk.rebalance_band or self._is_leaving(trade, current_time, current_rate):
            return None
        # Without its prediction a candle has another target.
        if self.answers is not None and self.answers.refusal(trade.pair):
            return None
        change = self.resizing.change(trade, current_time, max_stake)
        if change is None or self.guards.change_refusal(
            trade.pair, current_time, change.tag, grows=change.tag == ADDED
        ):
            return None
        return change.stake, change.tag

    def _is_leaving(self, trade, now, rate):
        """Whether an exit is due besides the end of the regime, or a limit allows no entry."""
        beyond = rate >= trade.stop_loss if trade.is_short else rate <= trade.stop_loss
        profit = trade.calc_profit_ratio(rate)
        return bool(
            self.limits.refusal(now)
            or beyond
            or self.positions.exit_reason(trade, now, rate)
            or self.min_roi_reached(trade, profit, now)
        )

    def order_filled(self, pair, trade, order, current_time, **kwargs):
        """Write what was known at the signal candle to the trade, once."""
        if order.ft_order_side == trade.entry_side and trade.nr_of_successful_entries == 1:
            record = self.positions.record(pair, trade.open_date_utc)
            record.write(trade)
            self.notices.entered(pair, record, self.dp, trade.open_rate)

    @only_reads
    def custom_stoploss(
        self, pair, trade, current_time, current_rate, current_profit, after_fill, **kwargs
    ):
        """Stop-loss at a number of ATR from the entry, or behind the best close."""
        return self.positions.stop(trade, current_time, current_rate)

    @only_reads
    def custom_roi(self, pair, trade, current_time, trade_duration, entry_tag, side, **kwargs):
        """Take-profit at a fixed number of ATR from the entry."""
        return self.positions.target(trade)

    @only_reads
    def custom_exit(self, pair, trade, current_time, current_rate, current_profit, **kwargs):
        """Signal mode: close what outlived its regime, beyond a loss limit, by answer or age.

        In position mode that is asked for where exits are looked for: only where it can be due.
        """
        if self.holds:
            return None
        candle = self.positions.candle(pair, current_time)
        overdue = self.positions.overdue(trade, current_time, candle)
        return overdue or self._exit_reason(trade, current_time, current_rate, candle)

    def plot_annotations(self, pair, start_date, end_date, dataframe, **kwargs):
        """Regimes as bands, switches and reasons as points, stops and targets as lines."""
        found = chart_marks(dataframe, start_date, end_date)
        if self._is_running():
            found += trade_lines(pair, dataframe, end_date, self.positions.target_price)
        return found

    def ft_plot_annotations(self, pair, dataframe):
        """As freqtrade has it; it asks with the very frame that it serves to the chart then."""
        found = super().ft_plot_annotations(pair, dataframe)
        shrink(dataframe, self.rs, self._model)
        return found
