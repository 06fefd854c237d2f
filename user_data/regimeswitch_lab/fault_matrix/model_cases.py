"""The cases of models: the real strategy and model on paper, with a training after every candle."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
from freqtrade.enums import RunMode, State
from freqtrade.worker import Worker

from regimeswitch_lab.exchange.market.visible_market import open_market
from regimeswitch_lab.exchange.server import ExchangeServer
from regimeswitch_lab.fault_matrix import model_trouble, surroundings
from regimeswitch_lab.fault_matrix.cases import Case
from regimeswitch_lab.fault_matrix.judge import judge_model
from regimeswitch_lab.fault_matrix.verdict import CaseVerdict
from regimeswitch_lab.inputs import HOME
from regimeswitch_lab.offline.overlay import overlay
from regimeswitch_lab.replay.clock import moved_clock
from regimeswitch_lab.synthetic.market_command import synthetic_market, write_market


PAIR = "BTC/USDT"
DAYS, TRAIN_DAYS = 32, 12
END = datetime(2025, 1, 1, tzinfo=UTC)
CANDLE = timedelta(minutes=5)
# Minutes; less than a candle, so that the next one finds a training too long.
LONGEST_TRAINING = 4
CONFIG: dict[str, Any] = {
    "strategy": "RegimeSwitchStrategy",
    "freqaimodel": "RegimeSwitchClassifier",
    "stake_currency": "USDT",
    "stake_amount": 100,
    "dry_run_wallet": 1000,
    "max_open_trades": 1,
    "dry_run": True,
    "initial_state": "running",
    "timeframe": "5m",
    "exchange": {"name": "binance", "pair_whitelist": [PAIR]},
    "pairlists": [{"method": "StaticPairList"}],
    "entry_pricing": {"price_side": "other", "use_order_book": True, "order_book_top": 1},
    "exit_pricing": {"price_side": "other", "use_order_book": True, "order_book_top": 1},
    "freqai": {
        "enabled": True,
        "identifier": "faults",
        "purge_old_models": 2,
        "train_period_days": TRAIN_DAYS,
        "backtest_period_days": 7,
        # Less than a candle: there is a training after every candle.
        "live_retrain_hours": 0.05,
        "expiration_hours": 1,
        "data_kitchen_thread_count": 1,
        "feature_parameters": {
            "include_timeframes": ["5m", "1h"],
            "include_corr_pairlist": [],
            "label_period_candles": 12,
            "indicator_periods_candles": [12],
        },
        "data_split_parameters": {"test_size": 0},
        "model_training_parameters": {"n_estimators": 8, "learning_rate": 0.3},
    },
    "regimeswitch": {
        "models": {"own_trees": 4, "min_rows": 200},
        "entries": {"mode": "signal", "require_edge": False},
    },
}


class ModelBot:
    """The real strategy and model under a moved clock, a training after every candle.

    :ivar served: whether the last candle had a prediction, by loop
    :ivar trained: end of the training of the model in use, by loop
    """

    def __init__(self, home: Path, configs: list[Path]) -> None:
        self.home, self.configs = home, configs
        self.served: list[bool] = []
        self.trained: list[int] = []

    def live(self, closes: list[datetime], train: model_trouble.Training) -> None:
        """One life of the bot: start, a loop and a training after each candle, end.

        :param train: lets FreqAI train after a candle, by its number in this life
        :raises DeadError: when the bot ends before
        """
        with moved_clock(closes[0]) as (clock, gate), surroundings.moved_pauses(clock):
            worker = self._load()
            try:
                state = None
                for number, closed in enumerate(closes):
                    clock.move_to(closed + timedelta(seconds=1))
                    state = worker._worker(old_state=state)
                    if worker.freqtrade.state == State.STOPPED:
                        raise surroundings.DeadError(
                            f"the bot stopped itself at {clock.now:%H:%M:%S}"
                        )
                    self._note(worker)
                    freqai = worker.freqtrade.strategy.freqai
                    if freqai.scanning:
                        train(number, freqai, gate)
                    self.trained.append(int(freqai.dd.pair_dict[PAIR]["trained_timestamp"]))
            finally:
                worker.freqtrade.strategy.freqai._stop_event.set()
                gate.open()
                worker.freqtrade.cleanup()

    def _load(self) -> Worker:
        given = {
            "config": [str(path) for path in self.configs],
            "user_data_dir": str(self.home / "user_data"),
            "datadir": str(self.home / "data"),
            "strategy_path": str(HOME / "strategies"),
            "freqaimodel_path": str(HOME / "freqaimodels"),
            "db_url": f"sqlite:///{self.home / 'bot.sqlite'}",
        }
        return surroundings.worker_of(given, RunMode.DRY_RUN)

    def _note(self, worker: Worker) -> None:
        frame, _ = worker.freqtrade.dataprovider.get_analyzed_dataframe(PAIR, "5m")
        answered = not frame.empty and "do_predict" in frame
        self.served.append(answered and int(frame["do_predict"].iloc[-1]) == 1)


def model_case(case: Case, home: Path, guards: bool) -> CaseVerdict:
    """Run a case and judge it."""
    verdict, log = CaseVerdict(case.name), home / "bot.log"
    folder = write_market(
        synthetic_market([PAIR], DAYS, pd.Timestamp(END), seed=5), home / "candles"
    )[0].parent
    models = home / "user_data" / "models"
    (home / "user_data").mkdir()
    closes = [END - timedelta(days=1) + number * CANDLE for number in range(8)]
    with (
        surroundings.logged(log, kept=True),
        surroundings.collected(),
        ExchangeServer(open_market(folder), limited=False) as server,
    ):
        bot = ModelBot(home, write_configs(home, guards, server.url))
        try:
            with surroundings.bounded(surroundings.CASE_SECONDS):
                if case.what in model_trouble.IN_TRAINING:
                    bot.live(closes[:4], model_trouble.trouble(case.what, models))
                else:
                    bot.live(closes[:4], model_trouble.as_usual)
                    model_trouble.damage(case.what, models)
                bot.live(closes[4:], model_trouble.as_usual)
        except (surroundings.DeadError, surroundings.HungError, *surroundings.DEATHS) as error:
            verdict.why.append(f"the bot died: {type(error).__name__}: {error}")
    judge_model(verdict, bot.served, bot.trained, log.read_text(encoding="utf-8"), closes[1])
    return verdict


def write_configs(home: Path, guards: bool, url: str) -> list[Path]:
    """The configuration files of the bot."""
    safety = {"guards": guards, "training_minutes": LONGEST_TRAINING}
    own: dict[str, Any] = {**CONFIG["regimeswitch"], "safety": safety}
    paths = []
    for name, content in {"bot": {**CONFIG, "regimeswitch": own}, "top": overlay(url)}.items():
        paths.append(home / f"{name}.json")
        paths[-1].write_text(json.dumps(content, indent=1), encoding="utf-8")
    return paths
