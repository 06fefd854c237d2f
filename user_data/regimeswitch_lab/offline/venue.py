"""The exchange that commands run: candles, and an account where one is wanted."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

from regimeswitch_lab.exchange.account.account_file import StateFile, StateFileError
from regimeswitch_lab.exchange.account.decimals import UNIT
from regimeswitch_lab.exchange.account.trading_account import Trading
from regimeswitch_lab.exchange.market.candle_store import DEFAULT_FORMAT, CandleStore
from regimeswitch_lab.exchange.market.visible_market import Market, open_market


Balance = tuple[str, Decimal]
DEFAULT_BALANCE: Balance = ("USDT", Decimal(1000))
SHIFT = "shift_ms"


@dataclass(frozen=True)
class Venue:
    """What a server serves.

    :ivar trading: None where nobody trades
    """

    market: Market
    trading: Trading | None

    def close(self) -> None:
        """Close the state file."""
        if self.trading is not None and self.trading.ledger is not None:
            self.trading.ledger.close()


def add_account_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the account."""
    parser.add_argument(
        "--balance",
        type=read_balance,
        nargs="+",
        metavar="ASSET=AMOUNT",
        help="what the account starts with, e.g. USDT=1000 BTC=0.5; a state file's own wins",
    )
    parser.add_argument(
        "--state",
        type=Path,
        metavar="FILE",
        help="keep account, orders and trades in this SQLite file (default: they end with the run)",
    )


def read_balance(text: str) -> Balance:
    """An amount as it is written on the command line.

    :raises argparse.ArgumentTypeError: when it is none
    """
    asset, _, number = text.partition("=")
    try:
        amount = Decimal(number)
        exact = amount.is_finite() and amount >= 0 and amount == amount.quantize(UNIT)
    except InvalidOperation:
        exact = False
    if not exact or not asset.isalnum():
        raise argparse.ArgumentTypeError(
            f"{text!r} is no balance; write an asset and an amount of at most eight decimals, "
            "e.g. USDT=1000"
        )
    return asset.upper(), amount


def open_venue(
    folder: Path,
    *,
    shift_to_now: bool,
    trade: bool,
    balances: Sequence[Balance] | None,
    state: Path | None,
    data_format: str = DEFAULT_FORMAT,
) -> Venue:
    """Read candles, and the account where one is wanted.

    :param trade: there is an account
    :param balances: what it starts with; default: 1,000 USDT
    :param state: where it is kept. Candles that were moved to the present stay where they were
        when it was made, so that open orders see the path that they were placed on
    :param data_format: freqtrade's name of the format that is preferred
    :raises CandleError: when the candles cannot be used
    :raises StateFileError: when the state cannot be used, or not with these candles
    """
    if not trade:
        return Venue(open_market(folder, shift_to_now=shift_to_now, data_format=data_format), None)
    ledger = None if state is None else StateFile(state)
    kept = {} if ledger is None else ledger.facts()
    if SHIFT in kept and shift_to_now:
        market = Market(CandleStore(folder, int(kept[SHIFT]), data_format))
        if market.span_ms()[1] <= market.clock():
            raise StateFileError(
                f"the candles that {state} was made with have ended; remove it, or name another "
                "file by --state"
            )
    else:
        market = open_market(folder, shift_to_now=shift_to_now, data_format=data_format)
    trading = Trading(market, dict(balances or [DEFAULT_BALANCE]), ledger=ledger)
    if ledger is not None:
        ledger.write({SHIFT: str(market.store.shift_ms)})
    return Venue(market, trading)
