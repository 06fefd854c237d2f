"""The database of a bot, read from a copy: the bot may run meanwhile, and nothing is changed."""

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import pandas as pd
from freqtrade.data.btanalysis import load_trades_from_db
from freqtrade.exceptions import FreqtradeException
from freqtrade.persistence import KeyValueStore, Trade
from sqlalchemy import inspect
from sqlalchemy.exc import SQLAlchemyError

from regimeswitch_lab.bot_config import BotConfig, section
from regimeswitch_lab.inputs import InputError
from regimeswitch_lab.report.report_source import Note, Source, closed_trades


HISTORY = "wallet_history"
"""Table of daily balances."""
NO_BALANCE = Note(
    "The bot has recorded fewer than two daily balances, so that equity counts a trade when it is "
    "closed.",
    "Let the bot run for two days with freqtrade 2026.9 or newer, and make the report again.",
)


def read_database(
    path: Path, config: BotConfig, capital: float | None, userdir: Path, now: pd.Timestamp
) -> Source:
    """Read a bot's database.

    :param config: the bot's
    :param capital: of the account at the beginning, stake currency; None = ``dry_run_wallet``
    :param userdir: the bot's folder
    :param now: end of the range, UTC
    :raises InputError: when it is not one, has no trades, or the capital is not known
    """
    money = _capital(config, capital)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "trades.sqlite"
        try:
            _copy(path, copy)
            frame, begin, balance = _read(copy)
        except (sqlite3.Error, SQLAlchemyError, FreqtradeException) as error:
            raise InputError(
                f"{path} is not a database of a freqtrade bot ({error}); name the file of the "
                "bot's db_url, e.g. tradesv3.dryrun.sqlite"
            ) from None
    if frame.empty:
        raise InputError(f"{path} holds no trade yet; there is nothing to report")
    trades, still_open = closed_trades(frame)
    identifier = config.identifier(config.settings)
    pairs = dict.fromkeys([*config.pairs, *trades["pair"], *still_open["pair"]])
    return Source(
        kind="database",
        path=path,
        strategy=str(config.merged.get("strategy") or "RegimeSwitchStrategy"),
        config=config.merged,
        settings=config.settings,
        timeframe=config.timeframe,
        currency=str(config.merged["stake_currency"]),
        pairs=tuple(pairs),
        trades=trades,
        still_open=still_open,
        begin=min(begin or now, pd.to_datetime(frame["open_date"], utc=True).min()),
        end=now,
        capital=money,
        balance=balance,
        models=[userdir / "models" / identifier],
        datadirs=[userdir / "data" / str(section(config.merged, "exchange").get("name"))],
        notes=[NO_BALANCE] if balance is None else [],
    )


def _capital(config: BotConfig, given: float | None) -> float:
    if given is not None:
        return given
    if config.merged.get("dry_run"):
        return config.wallet
    raise InputError(
        "the configuration is of a live bot, whose database does not say how much it began with; "
        "give --capital AMOUNT in the stake currency"
    )


def _copy(path: Path, copy: Path) -> None:
    """A consistent copy, also while the bot writes."""
    with (
        closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        found = source.execute("SELECT count(*) FROM sqlite_master WHERE name = 'trades'")
        if not found.fetchone()[0]:
            raise sqlite3.DatabaseError("it has no table of trades")
        source.backup(target)


def _read(copy: Path) -> tuple[pd.DataFrame, pd.Timestamp | None, pd.DataFrame | None]:
    """Trades, start of the bot, and balance."""
    trades = load_trades_from_db(f"sqlite:///{copy}")
    engine = Trade.session.get_bind()
    try:
        started = KeyValueStore.get_datetime_value("bot_start_time")
        # Releases before 2026.9 keep none.
        kept = inspect(engine).has_table(HISTORY)
        history = pd.read_sql_table(HISTORY, engine) if kept else None
    finally:
        Trade.session.remove()
        engine.dispose()
    begin = None if started is None else pd.Timestamp(started)
    return trades, begin, None if history is None else _balance(history)


def _balance(history: pd.DataFrame) -> pd.DataFrame | None:
    managed = history[history["bot_managed"].astype(bool) & history["total_quote"].notna()]
    dates = pd.to_datetime(managed["timestamp"], utc=True)
    totals = managed["total_quote"].groupby(dates.rename("date"), sort=True).sum().reset_index()
    return totals if len(totals) >= 2 else None
