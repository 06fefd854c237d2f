"""A case of the matrix, as data, and the words that all cases share."""

from dataclasses import dataclass, replace
from typing import Any

from regimeswitch_lab.exchange.faults.fault_rules import Fault


# Seconds; everything in a case counts from the moment at which the troubled entry is due.
CANDLE = 300
EXIT = 2 * CANDLE
EVERY = 4 * CANDLE
SYMBOL = "AAAUSDT"
API = "/api/v3/"
ORDER = f"{API}order"
# A client waits this long for an answer.
PATIENCE = 0.4


@dataclass(frozen=True)
class Transfer:
    """Coins that leave the account, or come in, without an order.

    :ivar at: seconds from the moment at which the troubled entry is due
    :ivar share: of what the account has of the coin then; negative = they leave
    """

    at: int
    asset: str
    share: float


@dataclass(frozen=True)
class Case:
    """One case.

    :ivar name: mode, what it happens to, what happens, when
    :ivar scene: how the bot is run: market, start, websocket, disk, model, kill
    :ivar live: with an account; otherwise on paper
    :ivar faults: without times; ``begins`` and ``ends`` are those of all
    :ivar variant: what the troubled trade is like: "" (filled at once), resting, stop; or words of
        :mod:`regimeswitch_lab.fault_matrix.cases_changes`
    :ivar what: for scenes of their own, what happens there
    :ivar transfers: in the order of their times
    :ivar exit_by: seconds by which the troubled trade has to be closed; 0 = some time
    :ivar restart: seconds at which the bot is ended and started again; 0 = never
    :ivar clock: from when to when (seconds) the machine's clock is ahead, and by how much
    :ivar config: what is different in the bot's configuration, by sections
    """

    name: str
    scene: str = "market"
    live: bool = True
    faults: tuple[Fault, ...] = ()
    begins: int = 0
    ends: int = CANDLE
    variant: str = ""
    what: str = ""
    transfers: tuple[Transfer, ...] = ()
    exit_by: int = 0
    restart: int = 0
    clock: tuple[int, int, int] = (0, 0, 0)
    config: tuple[tuple[str, dict[str, Any]], ...] = ()

    def timed(self, moment_ms: int) -> list[Fault]:
        """The faults with their times.

        :param moment_ms: when the troubled entry is due, epoch milliseconds
        """
        since, until = moment_ms + self.begins * 1000, moment_ms + self.ends * 1000
        return [replace(fault, since=since, until=until) for fault in self.faults]


KILLS = 8
"""Kills of one case of the matrix."""


def kill_case(kills: int, seed: int) -> Case:
    """A live bot that is killed at random moments and started again each time."""
    return Case(f"live killed {kills} times, seed {seed}", "kill", what=f"{kills} {seed}")
