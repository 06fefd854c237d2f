"""Stakes of positions from what freqtrade's hook knows, and why there is none.

The regime is that of the pair's last closed candle, whatever the entry's tag says: tags of forced
entries (``/forceenter``) are free text.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from freqtrade.enums import RunMode
from freqtrade.exceptions import DependencyException
from freqtrade.persistence import Trade

from regimeswitch.bot.overrides import full_stake
from regimeswitch.bot.trading.entry_filters import VETO
from regimeswitch.bot.trading.notices import Notices
from regimeswitch.bot.trading.trade_context import EntryRecord
from regimeswitch.risk import sizing
from regimeswitch.risk.sizing import Exposure
from regimeswitch.settings import Settings
from regimeswitch.settings.modes import POSITION


TOLERATED = 1.3
"""freqtrade raises a stake to the exchange's minimum when it is at most this much larger."""


@dataclass(frozen=True)
class Wanted:
    """An entry that freqtrade is about to make.

    :ivar price: of the entry
    :ivar proposed: stake that freqtrade suggests, or that a user has asked for
    :ivar least: smallest stake that the exchange takes, None where there is no limit
    :ivar most: largest stake, of the exchange and of the free money
    """

    pair: str
    now: datetime
    price: float
    proposed: float
    least: float | None
    most: float
    tag: str
    short: bool


class Stakes:
    """Sizes new positions.

    :param strategy: gives the analysed candles and the wallets
    :param record: what was known of a pair at a moment
    """

    def __init__(
        self,
        strategy: Any,
        settings: Settings,
        record: Callable[[str, datetime], EntryRecord],
        notices: Notices,
    ) -> None:
        self._strategy = strategy
        self._settings = settings
        self._record = record
        self._notices = notices

    def stake(self, wanted: Wanted) -> float:
        """Stake in stake currency; 0 where there is none, and the log says why."""
        amount, reason = self._sized(wanted, None)
        if not reason and self._is_too_small(amount, wanted):
            reason = f"a stake of {amount:.8g} is below the exchange's minimum, {wanted.least:.8g}"
        if reason:
            self.note(wanted.pair, reason, wanted.tag, wanted.short)
        return amount

    def why_none(self, wanted: Wanted, record: EntryRecord) -> str:
        """Why a signal would get no stake now; empty where it would. Nothing is logged.

        :param record: what is known at the candle of the signal
        """
        amount, reason = self._sized(wanted, record)
        if not reason and self._is_too_small(amount, wanted):
            return "the stake is below the exchange's smallest order"
        return reason

    @staticmethod
    def _is_too_small(amount: float, wanted: Wanted) -> bool:
        return amount * TOLERATED < (wanted.least or 0.0)

    def note(self, pair: str, reason: str, tag: str, short: bool) -> None:
        """Log why an entry is not made; empty where it is. Who forces one gets a message, too."""
        if self._strategy.dp.runmode in (RunMode.DRY_RUN, RunMode.LIVE):
            forced = self._is_forced(pair, tag, short)
            self._notices.entry_refused(pair, reason, forced, self._strategy.dp)

    def _sized(self, wanted: Wanted, record: EntryRecord | None) -> tuple[float, str]:
        """Stake and why there is none.

        :param record: of the signal; None = that of the last candle, unless a person has forced the
            entry with a stake of their own
        """
        if not wanted.price > 0:
            # The very candle that would be bought is bad: a backtest enters at its open.
            return 0.0, "the price is not above 0"
        own = self._settings.risk
        capital = self.capital()
        exposure = self.exposure(wanted.pair)
        if record is None and self._asked_for(wanted):
            amount, reason = wanted.proposed, ""
        else:
            record = record or self._record(wanted.pair, wanted.now)
            outlook = record.outlook(wanted.price, wanted.short, self._settings)
            if self._settings.entries.mode == POSITION:
                weight = record.share
                amount = self._slot_stake(weight, capital)
                none = VETO if record.scale == 0 else sizing.why_no_slot(weight, own)
                reason = "" if amount > 0 else none
            else:
                full = full_stake(self._strategy.config)
                amount = sizing.wanted_stake(capital, outlook, own, full)
                reason = "" if amount > 0 else sizing.why_nothing(outlook, own)
        allowed = min(sizing.allowed_stake(amount, capital, exposure, own), wanted.most)
        if allowed > 0:
            return allowed, ""
        return 0.0, reason or sizing.why_no_room(capital, exposure, own) or "no money is free"

    def capital(self) -> float:
        """Whole capital of the bot, open positions at cost included, stake currency."""
        return float(self._strategy.wallets.get_total_stake_amount())

    def target(self, weight: float, capital: float, others: Exposure) -> float:
        """Position mode: the stake that an entry would get now, but for free money.

        :param weight: share of a slot
        :param others: what is open besides the position
        """
        wanted = self._slot_stake(weight, capital)
        return sizing.allowed_stake(wanted, capital, others, self._settings.risk)

    def _slot_stake(self, weight: float, capital: float) -> float:
        full = full_stake(self._strategy.config)
        return sizing.slot_stake(capital, self._slots(), weight, self._settings.risk, full)

    @staticmethod
    def exposure(pair: str) -> Exposure:
        """Stakes of all open positions, also of entries and additions that have not filled yet."""
        trades = Trade.get_trades_proxy(is_open=True)
        stakes = [trade.stake_amount + _pending(trade) for trade in trades]
        of_pair = (stake for stake, trade in zip(stakes, trades, strict=True) if trade.pair == pair)
        return Exposure(len(trades), float(sum(stakes)), float(sum(of_pair)))

    def _slots(self) -> int:
        """Positions that the capital is split into: the pairs, or fewer if fewer may be open."""
        strategy = self._strategy
        pairs = len(strategy.dp.current_whitelist())
        return max(int(min(pairs, strategy.config["max_open_trades"])), 1)

    def _asked_for(self, wanted: Wanted) -> bool:
        """Whether a user has forced the entry with a stake of their own, e.g. in FreqUI."""
        strategy = self._strategy
        if strategy.dp.runmode not in (RunMode.DRY_RUN, RunMode.LIVE):
            return False
        if not self._is_forced(wanted.pair, wanted.tag, wanted.short):
            return False
        try:
            usual = strategy.wallets.get_trade_stake_amount(
                wanted.pair, strategy.config["max_open_trades"], update=False
            )
        except DependencyException:
            return True
        return not math.isclose(wanted.proposed, usual, rel_tol=1e-6)

    def _is_forced(self, pair: str, tag: str, short: bool) -> bool:
        """Whether the last candle gave no such signal: the entry then comes from a user."""
        frame, _ = self._strategy.dp.get_analyzed_dataframe(pair, self._strategy.timeframe)
        signal = "enter_short" if short else "enter_long"
        if frame.empty or signal not in frame:
            return True
        last = frame.iloc[-1]
        known = last.get("enter_tag")
        return bool(last[signal] != 1 or (known if isinstance(known, str) else "") != tag)


def _pending(trade: Trade) -> float:
    """Stake of additions that have not filled; a first entry counts in the trade already."""
    if not trade.nr_of_successful_entries:
        return 0.0
    orders = (one for one in trade.orders if one.ft_is_open)
    return float(sum(one.stake_amount for one in orders if one.ft_order_side == trade.entry_side))
