"""How much is measured: the whole, a quick look, or the least that runs every line."""

from dataclasses import dataclass

from benchmarks.sides import PRODUCT, RIVALS, STOCK


HISTORY_DAYS = 30
"""Before the first training: the longest look-back of rule and features."""
KNOWN = ("BTC", "ETH", "SOL", "ADA", "XRP", "LINK")


@dataclass(frozen=True)
class Sizes:
    """What is run, and how often.

    :ivar rivals: that trainings and backtests are compared with
    :ivar repeat: runs of each side; the median counts
    :ivar train_days: of a training window
    :ivar training_pairs: numbers of pairs of a round
    :ivar training_days: windows of a round of one pair, days, for its growth with candles
    :ivar backtest_pairs: of a whole backtest
    :ivar windows: of a whole backtest, weeks
    :ivar live_pairs: numbers of pairs of a bot
    :ivar live_days: of the windows of those bots; a candle costs the same with longer ones
    :ivar live_candles: that a bot analyses in one run, the first one not counted
    :ivar memory_pairs: of the bot whose memory is looked at, on windows of ``train_days``
    :ivar memory_repeat: runs of that bot
    :ivar labelled: candles that are labelled in one call
    :ivar load_seconds: of the load on the exchange
    """

    rivals: tuple[str, ...]
    repeat: int
    train_days: int
    training_pairs: tuple[int, ...]
    training_days: tuple[int, ...]
    backtest_pairs: int
    windows: int
    live_pairs: tuple[int, ...]
    live_days: int
    live_candles: int
    memory_pairs: int
    memory_repeat: int
    labelled: tuple[int, ...]
    load_seconds: float

    @property
    def sides(self) -> tuple[str, ...]:
        """The product, then its rivals."""
        return (PRODUCT, *self.rivals)

    @property
    def days(self) -> int:
        """Of candles that all parts need."""
        return HISTORY_DAYS + max(self.train_days, *self.training_days) + 7 * self.windows + 2

    @property
    def pairs(self) -> list[str]:
        """As many as the largest part needs."""
        most = max(*self.training_pairs, self.backtest_pairs, *self.live_pairs, self.memory_pairs)
        return pairs(most)


def pairs(number: int) -> list[str]:
    """The first so many pairs of the market."""
    names = [*KNOWN, *(f"COIN{place}" for place in range(len(KNOWN), number))]
    return [f"{name}/USDT" for name in names[:number]]


SIZES = {
    "full": Sizes(
        rivals=RIVALS,
        repeat=5,
        train_days=120,
        training_pairs=(1, 6, 12),
        training_days=(30, 60, 120),
        backtest_pairs=6,
        windows=2,
        live_pairs=(2, 10, 50),
        live_days=30,
        live_candles=4,
        memory_pairs=10,
        memory_repeat=3,
        labelled=(100_000, 300_000, 1_000_000),
        load_seconds=30.0,
    ),
    "quick": Sizes(
        rivals=RIVALS,
        repeat=1,
        train_days=20,
        training_pairs=(1, 4),
        training_days=(10, 20),
        backtest_pairs=2,
        windows=1,
        live_pairs=(2, 4),
        live_days=15,
        live_candles=3,
        memory_pairs=2,
        memory_repeat=1,
        labelled=(100_000, 1_000_000),
        load_seconds=5.0,
    ),
    "smallest": Sizes(
        rivals=(STOCK,),
        repeat=1,
        train_days=15,
        training_pairs=(1, 2),
        training_days=(10, 15),
        backtest_pairs=1,
        windows=1,
        live_pairs=(1, 2),
        live_days=10,
        live_candles=2,
        memory_pairs=1,
        memory_repeat=1,
        labelled=(10_000, 20_000),
        load_seconds=1.0,
    ),
}
