"""freqtrade's own commands on a candle folder, inside the process of the tests."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from project import QUICK, ROOT, Run
from regimeswitch_lab.exchange.market.visible_market import open_market
from regimeswitch_lab.exchange.server import ExchangeServer
from regimeswitch_lab.offline.overlay import overlay


class Lines(logging.Handler):
    """Keeps what is logged, with what a user would see of exceptions."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(levelname)s - %(message)s"))
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def freqtrade_here(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    """Run a freqtrade command with the project's config, as ``regimeswitch offline`` does."""
    with freqtrade_in(tmp_path) as run:
        yield run


@contextmanager
def freqtrade_in(folder: Path) -> Iterator[Callable[..., Run]]:
    """The same with a folder of the caller's, which must be there.

    A process of its own costs seconds; what is asked here is what models and strategy do.
    """
    import freqtrade.main
    from freqtrade.exchange import Exchange
    from freqtrade.optimize.backtesting import Backtesting

    made: list[Exchange] = []
    begin = Exchange.__init__

    def kept(exchange: Exchange, *arguments: Any, **options: Any) -> None:
        made.append(exchange)
        begin(exchange, *arguments, **options)

    userdir = folder / "user_data"
    userdir.mkdir()

    def run(
        command: str,
        *arguments: str,
        datadir: Path,
        config: dict[str, Any] | None = None,
        own_code: bool = True,
    ) -> Run:
        with ExchangeServer(open_market(datadir, shift_to_now=False), limited=False) as server:
            names = []
            for name, content in (("mine", config or QUICK), ("offline", overlay(server.url))):
                path = folder / f"{name}.json"
                path.write_text(json.dumps(content))
                names += ["--config", str(path)]
            words = [
                *(command, "--config", str(ROOT / "config.json"), *names),
                *("--userdir", str(userdir), "--datadir", str(datadir)),
                *("--freqaimodel-path", str(ROOT / "user_data/freqaimodels")),
                *(("--strategy-path", str(ROOT / "user_data/strategies")) if own_code else ()),
                *arguments,
            ]
            done = Run(*logged(lambda: freqtrade.main.main(words)), userdir)
            # A process of its own would end here, and its connections with it.
            while made:
                made.pop().close()
            Backtesting.cleanup()
            return done

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(freqtrade.main, "set_mp_start_method", lambda: None)
        patch.setattr(Exchange, "__init__", kept)
        yield run


def logged(call: Callable[[], None]) -> tuple[int, str]:
    """Exit code of a command, and what it logged; the loggers are left as they were."""
    root, handler = logging.getLogger(), Lines()
    before, level = list(root.handlers), root.level
    root.addHandler(handler)
    try:
        call()
    except SystemExit as done:
        code = int(done.code or 0)
    finally:
        for added in [one for one in root.handlers if one not in before]:
            root.removeHandler(added)
        root.setLevel(level)
    return code, "\n".join(handler.lines)
