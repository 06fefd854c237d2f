"""Candles, regimes and target weights of each pair over the range of a report.

Computed by the functions of the bot, on the candles that freqtrade's backtester would load.
"""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from freqtrade.enums import CandleType
from freqtrade.exceptions import OperationalException

from regimeswitch.bot.bot_settings import is_learning
from regimeswitch.bot.freqai.regime_candles import own_candles, pair_regimes
from regimeswitch.bot.trading.entry_filters import position_reasons
from regimeswitch.bot.trading.entry_reasons import REASON_COLUMN
from regimeswitch.market.candles import OHLCV, UNUSABLE_KINDS, timeframe_seconds, utc_dates
from regimeswitch.market.cleaning import bad_candles
from regimeswitch.market.volatility import position_columns
from regimeswitch.market.warmup import startup_candles
from regimeswitch.settings.modes import POSITION
from regimeswitch_lab.bot_config import section
from regimeswitch_lab.candle_folder import CandleFolder
from regimeswitch_lab.exchange.market.candle_store import DEFAULT_FORMAT
from regimeswitch_lab.inputs import InputError
from regimeswitch_lab.money.stored import StoredCandles
from regimeswitch_lab.report.outcomes import outcomes
from regimeswitch_lab.report.report_source import Note, Source
from regimeswitch_lab.synthetic.market_command import TRUE_REGIMES_FOLDER


@dataclass(frozen=True)
class PairHistory:
    """One pair over the range.

    :ivar frame: a row for each candle: ``date`` (opening time), OHLCV, the columns of
        :func:`regimeswitch.market.regimes.regime_columns` and
        :func:`regimeswitch.market.volatility.position_columns`, ``bad_candle``, and in position
        mode ``no_trade_reason``; where models learn also what came after it, see
        :func:`regimeswitch_lab.report.outcomes.outcomes`; index from 0 on, not empty
    :ivar filled: candles that the file does not have, put in as freqtrade does
    :ivar gaps: how often some are missing in a row
    :ivar flat: candles of the file without a trade
    :ivar impossible: candles of the file whose prices or volumes cannot be true
    :ivar truth: true regime of each candle of a synthetic market, else None
    """

    pair: str
    frame: pd.DataFrame
    filled: int
    gaps: int
    flat: int
    impossible: int
    truth: pd.Series | None

    @property
    def change(self) -> float:
        """From the first close to the last, fraction, as freqtrade's market change counts it."""
        close = self.frame["close"]
        return float(close.iloc[-1] / close.iloc[0] - 1)


@dataclass(frozen=True)
class Histories:
    """What is known of the pairs of a report.

    :ivar folder: the candle files came from; None where none were found
    :ivar synthetic: the candles are made by ``regimeswitch market``
    """

    pairs: tuple[PairHistory, ...]
    folder: Path | None
    synthetic: bool
    notes: tuple[Note, ...]


def read_histories(source: Source, datadir: Path | None) -> Histories:
    """Histories of all pairs of a source.

    :param datadir: folder of candle files; None = those that the source points to, without which
        the page says what it lacks
    :raises InputError: when ``datadir`` is given and lacks the candles of a pair
    """
    candidates = [datadir] if datadir else list(source.datadirs)
    futures = source.config.get("trading_mode") == "futures"
    kind = CandleType.FUTURES if futures else CandleType.SPOT
    data_format = str(source.config.get("dataformat_ohlcv") or DEFAULT_FORMAT)
    for path in candidates:
        folder = CandleFolder(path, data_format, kind)
        there = [pair for pair in source.pairs if folder.file(pair, source.timeframe).is_file()]
        if datadir or there:
            return _read(source, folder, strict=datadir is not None)
    looked = ", ".join(str(path) for path in candidates) or "no folder"
    note = Note(
        f"No {source.timeframe} candles were found (looked in {looked}): no charts of prices, no "
        "regimes over time, no equity of holding.",
        "Name the folder of the candle files with --datadir.",
    )
    return Histories((), None, False, (note,))


def _read(source: Source, folder: CandleFolder, strict: bool) -> Histories:
    """Histories from one folder; a pair without candles is a note, unless it is strict."""
    found, notes = [], []
    for pair in source.pairs:
        try:
            found.append(_pair(source, folder, pair))
        except InputError as error:
            if strict:
                raise
            notes.append(Note(f"{pair} is left out of charts and regimes.", f"{error}."))
    synthetic = (folder.path / TRUE_REGIMES_FOLDER).is_dir()
    return Histories(tuple(found), folder.path, synthetic, tuple(notes))


def _pair(source: Source, folder: CandleFolder, pair: str) -> PairHistory:
    settings, timeframe = source.settings, source.timeframe
    learns = is_learning(source.config, settings)
    parameters = section(section(source.config, "freqai"), "feature_parameters")
    warm_up = startup_candles(settings, parameters if learns else None, timeframe)
    begin, end = (int(one.timestamp()) for one in (source.begin, source.end))
    stored = StoredCandles(folder, begin, end, warm_up)
    candles = stored.candles(pair, timeframe)
    bad = bad_candles(candles, timeframe, settings.safety)
    parts = [candles[OHLCV], bad.any(axis=1).rename("bad_candle")]
    if len(candles):
        try:
            parts.append(pair_regimes(candles, pair, stored, timeframe, settings))
        except OperationalException as error:
            raise InputError(str(error)) from None
        own = own_candles(candles, pair, stored, timeframe, settings)
        parts.append(position_columns(*own, settings, timeframe))
    if learns:
        came = outcomes(candles, bad, timeframe, settings, source.config)
        parts += [] if came is None else [came]
    frame = pd.concat(parts, axis=1)
    within = frame["date"] >= source.begin
    frame, bad = (one[within].reset_index(drop=True) for one in (frame, bad))
    if frame.empty:
        raise InputError(
            f"{folder.file(pair, timeframe)} has no candles from {source.begin:%Y-%m-%d} to "
            f"{source.end:%Y-%m-%d}; run `freqtrade download-data --pairs {pair} --timeframes "
            f"{timeframe}` or name another --datadir"
        )
    if settings.entries.mode == POSITION:
        frame[REASON_COLUMN] = position_reasons(frame, settings)
    there = frame["date"].isin(utc_dates(folder.stored(pair, timeframe)["date"]))
    return PairHistory(
        pair=pair,
        frame=frame,
        filled=int((~there).sum()),
        gaps=int((~there & there.shift(1, fill_value=True)).sum()),
        flat=int((there & bad["flat"]).sum()),
        impossible=int((there & bad[list(UNUSABLE_KINDS)].any(axis=1)).sum()),
        truth=_truth(folder.path, pair, frame["date"]),
    )


def _truth(folder: Path, pair: str, dates: pd.Series) -> pd.Series | None:
    path = folder / TRUE_REGIMES_FOLDER / f"{pair.replace('/', '_')}.feather"
    if not path.is_file():
        return None
    stored = pd.read_feather(path, columns=["date", "regime"])
    truth = stored.set_index(utc_dates(stored["date"]))["regime"].reindex(dates)
    return None if truth.isna().any() else truth.reset_index(drop=True)


def candle_days(timeframe: str) -> float:
    """Length of a candle in days."""
    return timeframe_seconds(timeframe) / 86_400
