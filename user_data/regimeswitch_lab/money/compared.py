"""All variants of ``regimeswitch money`` on one market, and what they amount to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from regimeswitch.market.regimes import CODES
from regimeswitch.settings import REGIME_NAMES, Settings
from regimeswitch_lab.money import rivals
from regimeswitch_lab.money.book import Curve, Days, SimulatedTrade, curve_of, days_of
from regimeswitch_lab.money.bootstrap import ratios
from regimeswitch_lab.money.money_metrics import balance_figures
from regimeswitch_lab.money.placebo import placebos, shifts_of
from regimeswitch_lab.money.position_signals import PositionMarket
from regimeswitch_lab.money.simulated_account import Terms, simulate


REGIMESWITCH, RULE, PLACEBO = "regimeswitch", "rule", "placebo"
VOLATILITY, CONSTANT, HOLD = "target_volatility", "constant_exposure", "buy_and_hold"
COMPUTED = (REGIMESWITCH, RULE, PLACEBO, VOLATILITY, CONSTANT, HOLD)
"""Variants that need neither models nor freqtrade."""


@dataclass(frozen=True)
class Variant:
    """What one variant did.

    :ivar trades: positions; None where the account is only set to shares from time to time
    :ivar orders: positions, or orders of an account that is set to shares
    """

    curve: Curve
    orders: int
    trades: list[SimulatedTrade] | None = None

    def win_rate(self, cost: float) -> float | None:
        """Share of the positions that earned something after costs; None without positions."""
        if not self.trades:
            return None
        return float(np.mean([one.profit(cost) > 0 for one in self.trades]))


@dataclass(frozen=True)
class Compared:
    """Variants by name, and the Sharpe ratios of all placebos against that of the positions."""

    variants: dict[str, Variant]
    placebo: dict[str, Any]


def compared(market: PositionMarket, settings: Settings, terms: Terms) -> tuple[Compared, Days]:
    """All of :data:`COMPUTED`.

    :param settings: in position mode
    """
    days = days_of(market)
    trades = simulate(market, settings, terms)
    own = of_trades(trades, days, terms)
    exposure = own.curve.mean_exposure()
    whole = replace(market, weight=np.ones_like(market.weight))
    constant = rivals.rebalanced(
        market, days, rivals.constant_shares(market, days, exposure), terms.wallet, terms.cost
    )
    always = rivals.rebalanced(
        market, days, rivals.volatility_shares(market, days), terms.wallet, terms.cost
    )
    shifted, placebo = _placebo(trades, market, days, terms)
    variants = {
        REGIMESWITCH: own,
        RULE: of_trades(simulate(whole, settings, terms), days, terms),
        PLACEBO: shifted,
        VOLATILITY: Variant(always.curve, always.orders),
        CONSTANT: Variant(constant.curve, constant.orders),
        HOLD: of_trades(rivals.held(market, terms.wallet, terms.cost), days, terms),
    }
    return Compared(variants, placebo), days


def of_trades(trades: list[SimulatedTrade], days: Days, terms: Terms) -> Variant:
    """A variant from its positions."""
    return Variant(curve_of(trades, days, terms.wallet, terms.cost), len(trades), trades)


def _placebo(
    trades: list[SimulatedTrade], market: PositionMarket, days: Days, terms: Terms
) -> tuple[Variant, dict[str, Any]]:
    """The placebo whose Sharpe ratio is the median one, and what all of them say."""
    shifts = shifts_of(market)
    curves = placebos(trades, market, days, terms, shifts)
    (unshifted,) = placebos(trades, market, days, terms, np.zeros(1, dtype=np.int64))
    own = ratios(unshifted.returns[None])["sharpe"][0]
    found = ratios(np.stack([curve.returns for curve in curves]))
    sharpe = found["sharpe"]
    known = bool(np.isfinite(own))
    result = {
        "shifts": len(shifts),
        "share_as_good": float((sharpe >= own).mean()) if known else None,
        "median": {name: _or_none(np.nanmedian, values) for name, values in found.items()},
        "mean": {name: _or_none(np.nanmean, values) for name, values in found.items()},
    }
    order = np.argsort(np.where(np.isfinite(sharpe), sharpe, -np.inf))
    middle = int(order[len(order) // 2])
    return Variant(curves[middle], len(trades)), result


def _or_none(how: Any, values: Any) -> float | None:
    return float(how(values)) if np.isfinite(values).any() else None


def balance_of(curve: Curve, days: Days) -> pd.DataFrame:
    """Equity as a balance of freqtrade's functions: the end of each day, and of the day before."""
    before = days.dates[0] - pd.Timedelta(days=1)
    return pd.DataFrame({"date": [before, *days.dates], "total_quote": curve.equity})


def figures_of(variant: Variant, days: Days, cost: float) -> dict[str, Any]:
    """The figures of one variant, as exported; fractions, None where one is not defined."""
    curve = variant.curve
    return {
        "trades": variant.orders,
        "win_rate": variant.win_rate(cost),
        "exposure": curve.mean_exposure(),
        "turnover": curve.turnover(),
        "fees": curve.fees(),
        **balance_figures(balance_of(curve, days)),
        "worst_month": worst_month(curve, days),
    }


def worst_month(curve: Curve, days: Days) -> float:
    """Smallest return of a calendar month, the first and the last as far as they reach."""
    dates = days.dates.tz_localize(None)
    months = pd.Series(1 + curve.returns).groupby(dates.to_period("M")).prod() - 1
    return float(months.min())


def by_year(variants: Mapping[str, Variant], days: Days) -> dict[str, dict[str, float]]:
    """Return of each variant in each calendar year, as far as the range reaches."""
    years = days.dates.year.to_numpy()
    growth = {name: 1 + variant.curve.returns for name, variant in variants.items()}
    return {
        str(year): {
            name: float(values[years == year].prod() - 1) for name, values in growth.items()
        }
        for year in np.unique(years)
    }


def by_pair(
    market: PositionMarket, own: Sequence[SimulatedTrade], terms: Terms
) -> dict[str, dict[str, Any]]:
    """RegimeSwitch pair by pair: positions, time held, profit in the money of the beginning.

    ``hold`` is what the slot of the pair earned by holding it.
    """
    holding = {trade.pair: trade for trade in rivals.held(market, terms.wallet, terms.cost)}
    slot = terms.wallet / len(market.pairs)
    result: dict[str, dict[str, Any]] = {}
    for number, pair in enumerate(market.pairs):
        mine = [trade for trade in own if trade.pair == number]
        known = int((~np.isnan(market.open[:, number])).sum())
        hold = holding.get(number)
        result[pair] = {
            "trades": len(mine),
            "win_rate": Variant(_NOTHING, len(mine), mine).win_rate(terms.cost),
            "held": sum(one.closed - one.opened for one in mine) / known if known else 0.0,
            "profit": sum(one.profit(terms.cost) for one in mine) / terms.wallet,
            "hold": hold.profit(terms.cost) / slot if hold else None,
        }
    return result


_NOTHING = Curve(*(np.zeros(2) for _ in range(4)))


def by_regime(
    market: PositionMarket, variants: Mapping[str, Variant], terms: Terms
) -> dict[str, dict[str, Any]]:
    """Where the time was spent, and what was won and lost in it before costs.

    Profits in the money of the beginning, of the variants that hold positions.
    """
    moves = np.zeros_like(market.open)
    moves[:-1] = np.nan_to_num(np.diff(market.open, axis=0))
    there = ~np.isnan(market.open)
    result: dict[str, dict[str, Any]] = {}
    for name in REGIME_NAMES:
        inside = market.regime == CODES[name]
        gained = np.vstack([np.zeros(len(market.pairs)), np.cumsum(moves * inside, axis=0)])
        result[name] = {
            "time": float((inside & there).sum() / max(there.sum(), 1)),
            "profit": {
                label: _in_regime(variant.trades, gained, inside, market) / terms.wallet
                for label, variant in variants.items()
                if variant.trades is not None
            },
        }
    return result


def _in_regime(
    trades: Sequence[SimulatedTrade], gained: Any, inside: Any, market: PositionMarket
) -> float:
    total = 0.0
    for one in trades:
        for begin, end, coins in one.stretches():
            total += coins * float(gained[end, one.pair] - gained[begin, one.pair])
        # A stop is hit within the last candle.
        if inside[one.closed, one.pair]:
            total += coins * float(one.sold - market.open[one.closed, one.pair])
    return total
