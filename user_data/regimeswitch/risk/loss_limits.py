"""Loss limits: the daily loss limit and the drawdown stop. Pure arithmetic.

Equity is counted as capital at the beginning plus all profit since, realised or not, so that
deposits and withdrawals are neither losses nor gains.
"""

from dataclasses import dataclass, replace

from regimeswitch.settings import RiskSettings


DAY_SECONDS = 86400


@dataclass(frozen=True)
class LimitState:
    """What has to be known of the past; profits in stake currency.

    :param day: days since 1970, UTC
    :param start: marked profit at the beginning of the day
    :param capital: marked equity at that moment
    :param stopped: the daily loss limit was reached on this day
    :param peak: highest marked profit
    :param peak_capital: marked equity at that moment
    :param paused_until: entries stop until then because of the drawdown, epoch seconds
    """

    day: int
    start: float
    capital: float
    stopped: bool
    peak: float
    peak_capital: float
    paused_until: int = 0

    def day_loss(self, profit: float) -> float:
        """Loss since the beginning of the day, fraction of the equity then; negative = a gain.

        :param profit: marked profit now, stake currency
        :return: 0 where there was no equity
        """
        return (self.start - profit) / self.capital if self.capital > 0 else 0.0

    def drawdown(self, profit: float) -> float:
        """Loss since the highest equity, fraction of it; negative above it.

        :param profit: marked profit now, stake currency
        :return: 0 where there was no equity
        """
        return (self.peak - profit) / self.peak_capital if self.peak_capital > 0 else 0.0


def day_of(moment: float) -> int:
    """Days since 1970 in UTC.

    :param moment: epoch seconds
    """
    return int(moment // DAY_SECONDS)


def limits_after(
    state: LimitState | None,
    moment: float,
    profit: float,
    begun: float,
    opening: float,
    settings: RiskSettings,
) -> LimitState:
    """The state after a look at the equity.

    :param state: after the last look; None = there was none
    :param moment: of the look, epoch seconds; not before the last one
    :param profit: all profit so far, open positions at the current price with their fees, stake
        currency
    :param begun: capital without any profit, stake currency
    :param opening: profit at the beginning of the day, stake currency; only read on the first look
        of a day
    :param settings: the section ``risk``: ``max_daily_loss``, ``max_drawdown``,
        ``peak_pause_days``
    :return: a new state. ``stopped`` lasts to the end of the day also where the loss is made good;
        after a pause the peak is the equity of that look.

    1000 at the start of the day, then 950, then 890; the limit of a day is 10 %:

    >>> risk = RiskSettings(max_daily_loss=0.1, max_drawdown=0)
    >>> state = limits_after(None, moment=0, profit=-50, begun=1000, opening=0, settings=risk)
    >>> state.day_loss(-50), state.stopped
    (0.05, False)
    >>> state = limits_after(state, moment=3600, profit=-110, begun=1000, opening=0, settings=risk)
    >>> state.stopped
    True
    >>> limits_after(state, 86400, profit=-110, begun=1000, opening=-110, settings=risk).stopped
    False
    """
    today = day_of(moment)
    if state is None:
        state = LimitState(today, opening, begun + opening, False, opening, begun + opening)
    elif state.day != today:
        state = replace(state, day=today, start=opening, capital=begun + opening, stopped=False)
    over = 0 < state.paused_until <= moment
    if over or profit > state.peak:
        state = replace(
            state,
            peak=profit,
            peak_capital=begun + profit,
            paused_until=0 if over else state.paused_until,
        )
    if settings.max_daily_loss and state.day_loss(profit) >= settings.max_daily_loss:
        state = replace(state, stopped=True)
    falls = settings.max_drawdown and state.drawdown(profit) >= settings.max_drawdown
    if falls and not state.paused_until:
        pause = settings.peak_pause_days * DAY_SECONDS
        state = replace(state, paused_until=int(moment) + pause)
    return state
