"""The page: one HTML file with everything in it."""

import base64
import gzip
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from regimeswitch.market.labels import CLASSES
from regimeswitch.model.calibration import BINS
from regimeswitch_lab.report import report_metrics as tables
from regimeswitch_lab.report import settings_table
from regimeswitch_lab.report.candle_history import Histories
from regimeswitch_lab.report.drawing import drawing
from regimeswitch_lab.report.equity import EquityAccount, account_of, monthly_returns
from regimeswitch_lab.report.formats import FILTERS
from regimeswitch_lab.report.guard_counts import GuardCount
from regimeswitch_lab.report.model_parts import ModelParts
from regimeswitch_lab.report.reason_table import SIGNAL_MODE, candle_counts, reason_counts
from regimeswitch_lab.report.regime_table import regime_table
from regimeswitch_lab.report.report_metrics import of_balance
from regimeswitch_lab.report.report_source import Note, Source
from regimeswitch_lab.report.summary import summary
from regimeswitch_lab.report.switching_cost import with_switching_costs


TEMPLATES = Path(__file__).parent / "templates"
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def contents(
    source: Source,
    histories: Histories,
    models: ModelParts,
    guards: tuple[Sequence[GuardCount], Sequence[Note]] = ((), ()),
    shadows: Mapping[str, pd.DataFrame] | None = None,
    shadow_note: Note | None = None,
) -> dict[str, Any]:
    """All that the page shows, by the name that its template has for it.

    :param guards: counts, and what is not known of them
    :param shadows: balances of other ways to trade the same candles, by name, see
        :func:`regimeswitch_lab.report.shadow_balances.shadow_balances`
    :param shadow_note: which of them is missing, and why
    """
    account = account_of(source, histories)
    # A backtest fills at the open of a candle; the prices of a bot have the slippage in them.
    slippage = source.settings.entries.slippage if source.kind == "backtest" else 0.0
    trades = with_switching_costs(source.trades, source.still_open, slippage)
    regimes = [regime_table(one, source.timeframe) for one in histories.pairs]
    rows = tables.by_tag(trades, "enter_tag", account.range)
    reasons = reason_counts(source, histories)
    found = models.trainings if isinstance(models.trainings, list) else []
    others = dict(shadows or {})
    return {
        "source": source,
        "account": account,
        "histories": histories,
        "answers": summary(source, account, histories, regimes, rows),
        "slippage": slippage,
        "tables": _tables(source, trades, account, rows),
        "months": MONTHS,
        "monthly": _monthly(account),
        "regimes": regimes,
        "candles": candle_counts(histories),
        "reasons": reasons,
        "no_reasons": SIGNAL_MODE if histories.pairs and not reasons else None,
        "trainings": found,
        "no_trainings": models.trainings if isinstance(models.trainings, Note) else None,
        "models": models,
        "classes": CLASSES,
        "bins": BINS,
        "guards": guards,
        "shadows": {name: of_balance(one, account.range) for name, one in others.items()},
        "shadow_note": shadow_note,
        "notes": [*source.notes, *histories.notes],
        "changed": settings_table.changed_settings(source.settings),
        "settings": settings_table.all_settings(source.settings),
        "keys": settings_table.freqtrade_keys(source),
        "versions": settings_table.versions(),
        "style": _part("report.css"),
        "script": _part("report.js"),
        "data": _data(drawing(source, account, others, histories, models)),
        "plotly": _plotly(),
    }


def render(contents: Mapping[str, Any]) -> str:
    """The whole page.

    :param contents: of :func:`contents`
    """
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(FILTERS)
    return environment.get_template("report.html").render(contents)


def _tables(
    source: Source, trades: pd.DataFrame, account: EquityAccount, rows: list[tables.Metrics]
) -> list[tuple[str, str, list[tables.Metrics]]]:
    """Title, first column and rows of each table of trades."""
    pairs = tables.by_pair(trades, source.pairs, account.range)
    years = tables.by_year(trades, account.range)
    exits = tables.by_tag(trades, "exit_reason", account.range)
    return [
        ("By regime of the entry (enter tag)", "regime", rows),
        ("By pair", "pair", pairs),
        ("By year of the exit", "year", years),
        ("By reason of the exit", "exit reason", exits),
    ]


def _monthly(account: EquityAccount) -> list[tuple[str, list[Any]]]:
    capital = account.range.capital
    parts = [("RegimeSwitch", monthly_returns(account.balance, capital))]
    if account.held is not None:
        parts.append(("Buy and hold", monthly_returns(account.held, capital)))
    return parts


def _part(name: str) -> Markup:
    """A file of ours, as it is."""
    return Markup((TEMPLATES / name).read_text(encoding="utf-8"))


def _data(content: dict[str, Any]) -> Markup:
    """JSON that cannot end the element it stands in."""
    text = json.dumps(content, allow_nan=False, separators=(",", ":"))
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)


def _plotly() -> Markup:
    """plotly.js, packed: 4.8 MB become 2."""
    packed = gzip.compress(get_plotlyjs().encode(), compresslevel=9, mtime=0)
    return Markup(base64.b64encode(packed).decode("ascii"))
