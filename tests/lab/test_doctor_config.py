"""A configuration with exactly one defect gives exactly one finding."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bots import Bot
from doctors import NO_CANDLES, a_machine_of_eight, bot, doctor, kinds


__all__ = ["a_machine_of_eight", "bot"]


HELD = {
    "models": {"sub_models": "none"},
    "entries": {"mode": "position", "regimes": ["bull"]},
    "risk": {"stake_fraction": 1.0},
}
WEBHOOK = {
    "enabled": True,
    "allow_custom_messages": True,
    "webhookstatus": {"value1": "{status}"},
    "strategy_msg": {"value1": "{msg}"},
}
CONFIGS: list[tuple[dict[str, Any], str, str]] = [
    ({"regimeswitch": {"labels": {"horizn": 3}}}, "serious", "settings.mistake"),
    ({"max_open_trades": "many"}, "serious", "config.schema"),
    ({"exit_pricing": {"order_book_min": 1, "order_book_max": 2}}, "serious", "config.consistency"),
    ({"dry_run": False, "webhook": WEBHOOK}, "info", "config.live"),
    (
        {"webhook": {**WEBHOOK, "allow_custom_messages": False, "webhookstatus": {}}},
        *("warning", "notices.silent"),
    ),
    ({"webhook": {**WEBHOOK, "allow_custom_messages": False}}, "info", "notices.custom"),
    ({"exchange": {"name": "kraken"}}, "warning", "config.exchange"),
    ({"exchange": {"enable_ws": True}}, "info", "config.websockets"),
    (
        {"exchange": {"enable_ws": True}, "regimeswitch": {"safety": {"guards": False}}},
        *("warning", "config.websockets"),
    ),
    ({"process_only_new_candles": False}, "warning", "config.new_candles"),
    ({"cancel_open_orders_on_exit": False}, "warning", "config.open_orders"),
    ({"use_exit_signal": False}, "serious", "config.override"),
    ({"exit_profit_only": True}, "serious", "config.override"),
    ({"use_custom_stoploss": False}, "serious", "config.override"),
    ({"fee": 0.002}, "warning", "config.fee"),
    ({"fee": 0, "regimeswitch": {"labels": {"fee": 0}}}, "warning", "config.fee"),
    (
        {
            "timeframe": "2h",
            "freqai": {"feature_parameters": {"include_timeframes": ["2h", "4h"]}},
        },
        *("serious", "config.timeframe"),
    ),
    (
        {
            "timeframe": "15m",
            "freqai": {
                "feature_parameters": {
                    "include_timeframes": ["15m", "1h"],
                    "label_period_candles": 4,
                }
            },
        },
        *("", ""),
    ),
    (
        {
            "timeframe": "15m",
            "freqai": {"feature_parameters": {"include_timeframes": ["15m", "1h"]}},
        },
        *("warning", "config.horizon"),
    ),
    (
        {"freqai": {"feature_parameters": {"include_timeframes": ["1m", "5m", "1h"]}}},
        *("serious", "config.consistency"),
    ),
    (
        {"freqai": {"feature_parameters": {"include_timeframes": ["5m"]}}},
        *("warning", "config.include_timeframes"),
    ),
    (
        {"freqai": {"feature_parameters": {"label_period_candles": 13}}},
        *("warning", "config.horizon"),
    ),
    ({"regimeswitch": {"regime": {"grace_candles": 11}}}, "warning", "regimes.grace"),
    ({"freqai": {"identifier": "regimeswitch-rs00000000"}}, "warning", "identifier.fixed"),
    ({"freqai": {"expiration_hours": 23}}, "serious", "freqai.expiration"),
    ({"freqai": {"expiration_hours": 0}}, "warning", "freqai.never_expires"),
    ({"freqai": {"live_retrain_hours": 0}}, "warning", "freqai.retrain"),
    ({"freqai": {"purge_old_models": False}}, "warning", "freqai.purge"),
    (
        {"freqai": {"feature_parameters": {"indicator_periods_candles": [12, 2600]}}},
        *("serious", "startup.limit"),
    ),
    (
        {"regimeswitch": {"regime": {"rule": "change", "change_days": 195}}},
        *("serious", "startup.limit"),
    ),
    ({"regimeswitch": {"models": {"jobs": 9}}}, "warning", "threads.jobs"),
    ({"freqai": {"model_training_parameters": {"n_jobs": 5}}}, "warning", "threads.learner"),
    ({"freqai": {"model_training_parameters": {"n_jobs": -1}}}, "warning", "threads.learner"),
    (
        {"regimeswitch": {"models": {"parameters": {"xgboost": {"nthread": 8}}}}},
        *("warning", "threads.learner"),
    ),
    ({"freqai": {"data_kitchen_thread_count": 9}}, "warning", "threads.kitchen"),
    ({"initial_state": "stopped"}, "serious", "config.state"),
    ({"initial_state": "paused"}, "info", "config.state"),
    ({"strategy": ""}, "serious", "config.no_strategy"),
    ({"freqaimodel": ""}, "serious", "config.no_freqaimodel"),
    ({"strategy": "RegimeSwichStrategy"}, "serious", "config.unknown_strategy"),
    ({"freqaimodel": "RegimeSwitchClasifier"}, "serious", "config.unknown_freqaimodel"),
    ({"freqaimodel": "LightGBMClassifier"}, "", ""),
    ({"exchange": {"pair_whitelist": []}}, "serious", "pairs.none"),
    ({"exchange": {"pair_whitelist": ["BTC/USDT", "ETH/USD"]}}, "warning", "pairs.currency"),
    ({"stake_currency": "BUSD"}, "serious", "pairs.currency"),
    ({"pairlists": [{"method": "VolumePairList"}]}, "info", "pairs.dynamic"),
    (
        {"pairlists": [{"method": "StaticPairList"}, {"method": "AgeFilter"}]},
        *("info", "pairs.dynamic"),
    ),
    ({"pairlists": [{"method": "StaticPairList"}, {"method": "ShuffleFilter"}]}, "", ""),
]


@pytest.mark.parametrize(("change", "severity", "kind"), CONFIGS)
def test_one_defect_of_the_configuration_is_one_finding(
    bot: Bot, change: dict[str, Any], severity: str, kind: str
) -> None:
    bot.change(**change)
    code, figures = doctor(bot)
    expected = [(severity, kind)] if kind else []
    assert [one for one in kinds(figures) if one != NO_CANDLES] == expected
    assert code == (severity == "serious")
    for found in figures["findings"]:
        assert all(found[part] for part in ("what", "where", "fix"))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"freqai": {"enabled": False}}, []),
        ({"freqai": {"enabled": False}, "timeframe": "15m"}, []),
        ({"freqai": {"enabled": False}, "timeframe": "4h"}, [("serious", "config.timeframe")]),
        ({"minimal_roi": {"0": 0.1}, "trailing_stop": True}, [("warning", "config.cuts")] * 2),
        ({"use_exit_signal": False}, [("serious", "config.override")]),
        ({"stoploss": -0.29}, [("warning", "config.cuts")]),
        ({"stoploss": -0.3}, []),
        ({"regimeswitch": {"risk": {"max_hold_candles": 600}}}, [("warning", "config.cuts")]),
        ({"regimeswitch": {"risk": {"max_daily_loss": 0.05}}}, [("warning", "config.cuts")]),
        ({"regimeswitch": {"risk": {"max_daily_loss": 0.05, "daily_close": False}}}, []),
        ({"regimeswitch": {"risk": {"max_drawdown": 0.2}}}, [("warning", "config.cuts")]),
        ({"regimeswitch": {"risk": {"stop_daily_atr": 2.5}}}, [("warning", "config.cuts")]),
        ({"regimeswitch": {"risk": {"max_daily_loss": 0, "max_drawdown": 0.5}}}, []),
        ({"regimeswitch": {"risk": {"stop_daily_atr": 0}}}, []),
        ({"regimeswitch": {"risk": {"daily_loss": 0.1}}}, [("warning", "settings.old_name")]),
        (
            {"regimeswitch": {"risk": {"daily_loss": 0.1, "max_daily_loss": 0.1}}},
            [("serious", "settings.mistake")],
        ),
        ({"max_open_trades": 1}, [("warning", "config.slots")]),
        ({"max_open_trades": -1, "stake_amount": 100}, []),
        ({"regimeswitch": {"risk": {"max_positions": 1}}}, [("warning", "config.slots")]),
    ],
)
def test_position_mode_needs_no_model_and_names_what_cuts_positions(
    bot: Bot, change: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    content = bot.content()
    content["regimeswitch"] = HELD
    bot.config.write_text(json.dumps(content))
    bot.change(**change)
    code, figures = doctor(bot)
    kinds_found = [one for one in kinds(figures) if not one[1].startswith("identifier.")]
    assert [one for one in kinds_found if one != NO_CANDLES] == expected
    assert code == any(severity == "serious" for severity, _ in expected)


def test_a_model_bot_and_a_trading_bot_must_fit_their_parts(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong() -> list[str]:
        found = doctor(bot)[1]["findings"]
        return [one["where"] for one in found if one["kind"] == "config.role"]

    bot.change(regimeswitch={"bots": {"role": "model"}})
    assert wrong() == ["max_open_trades", "api_server.enabled", "api_server.ws_token"]
    monkeypatch.setenv("FREQTRADE__API_SERVER__WS_TOKEN", "of-these-bots-alone")
    bot.change(max_open_trades=0, api_server=API | {"listen_port": 8081})
    assert wrong() == []
    bot.change(regimeswitch={"bots": {"role": "trading"}}, max_open_trades=2)
    name = "external_message_consumer"
    assert wrong() == [f"{name}.enabled", f"{name}.producers"]
    producers = [{"name": "a", "host": "127.0.0.1", "ws_token": "of-these-bots-alone"}]
    monkeypatch.setenv(f"FREQTRADE__{name.upper()}__PRODUCERS", json.dumps(producers))
    bot.change(**{name: {"enabled": True}})
    assert wrong() == []


def test_a_token_of_model_bots_in_a_file_is_named_with_its_variable(bot: Bot) -> None:
    producers = [{"name": "a", "host": "127.0.0.1", "ws_token": "of-these-bots-alone"}]
    bot.change(external_message_consumer={"producers": producers})
    (found,) = [one for one in doctor(bot)[1]["findings"] if one["kind"] == "secrets.other"]
    assert "external_message_consumer.producers.0.ws_token is written in the file" in found["what"]
    assert "FREQTRADE__EXTERNAL_MESSAGE_CONSUMER__PRODUCERS" in found["fix"]


def test_guards_do_not_keep_streams_away_from_another_exchange(bot: Bot) -> None:
    bot.change(exchange={"name": "kraken", "enable_ws": True})
    expected = [("warning", "config.exchange"), ("warning", "config.websockets"), NO_CANDLES]
    assert kinds(doctor(bot)[1]) == expected


API = {
    "enabled": True,
    "listen_ip_address": "127.0.0.1",
    "username": "me",
    "password": "a-long-random-one",
    "jwt_secret_key": "x" * 40,
    "CORS_origins": [],
}


@pytest.mark.parametrize(
    ("change", "severity", "kind"),
    [
        ({"listen_ip_address": "0.0.0.0"}, "serious", "api.open"),
        ({"listen_ip_address": "::"}, "serious", "api.open"),
        ({"password": ""}, "serious", "api.password"),
        ({"password": "SuperPassword"}, "serious", "api.password"),
        ({"password": "short"}, "serious", "api.password"),
        ({"username": "a-long-random-one"}, "serious", "api.password"),
        ({"username": ""}, "serious", "api.password"),
        ({"jwt_secret_key": "somethingRandomSomethingRandom123"}, "serious", "api.jwt"),
        ({"jwt_secret_key": "short"}, "serious", "config.schema"),
        ({"CORS_origins": ["*"]}, "serious", "api.cors"),
        ({}, "", ""),
        ({"listen_ip_address": "::1"}, "", ""),
    ],
)
def test_one_defect_of_the_api_is_one_finding(
    bot: Bot,
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, Any],
    severity: str,
    kind: str,
) -> None:
    monkeypatch.setattr("regimeswitch_lab.doctor.doctor_command.in_container", lambda: False)
    api = {**API, **change}
    for name in ("password", "jwt_secret_key"):
        # Secrets come from the environment, so that they are no finding themselves.
        monkeypatch.setenv(f"FREQTRADE__API_SERVER__{name.upper()}", str(api.pop(name)))
    bot.change(api_server=api)
    _, figures = doctor(bot)
    expected = [(severity, kind)] if kind else []
    assert [one for one in kinds(figures) if one != NO_CANDLES] == expected


def test_an_open_api_in_a_container_is_a_warning(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regimeswitch_lab.doctor.doctor_command.in_container", lambda: True)
    for name in ("password", "jwt_secret_key"):
        monkeypatch.setenv(f"FREQTRADE__API_SERVER__{name.upper()}", API[name])
    plain = {key: API[key] for key in ("enabled", "username")}
    bot.change(api_server={**plain, "listen_ip_address": "0.0.0.0"})
    assert ("warning", "api.open") in kinds(doctor(bot)[1])


@pytest.mark.parametrize(
    ("change", "severity", "kind"),
    [
        ({"exchange": {"key": "K"}}, "serious", "secrets.exchange"),
        ({"exchange": {"secret": "K"}}, "serious", "secrets.exchange"),
        ({"exchange": {"ccxt_config": {"apiKey": "K"}}}, "serious", "secrets.exchange"),
        (
            {"exchange": {"ccxt_config": {"httpsProxy": "http://a:b@c:1"}}},
            *("serious", "secrets.exchange"),
        ),
        ({"telegram": {"token": "K"}}, "serious", "secrets.telegram"),
        ({"api_server": {"password": "K"}}, "warning", "secrets.api"),
        ({"api_server": {"jwt_secret_key": "K" * 32}}, "warning", "secrets.api"),
        ({"coingecko": {"api_key": "K"}}, "warning", "secrets.other"),
        ({"telegram": {"chat_id": "5"}}, "", ""),
    ],
)
def test_one_secret_in_the_file_is_one_finding(
    bot: Bot, change: dict[str, Any], severity: str, kind: str
) -> None:
    bot.change(**change)
    bot.config.chmod(0o600)
    code, figures = doctor(bot)
    expected = [(severity, kind)] if kind else []
    assert [one for one in kinds(figures) if one != NO_CANDLES] == expected
    assert code == (severity == "serious")
    if kind:
        (found,) = [one for one in figures["findings"] if one["kind"] == kind]
        assert "FREQTRADE__" in found["fix"]
        assert "K" not in found["what"].split()


def test_secrets_of_the_environment_and_of_added_files(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FREQTRADE__EXCHANGE__KEY", "K")
    monkeypatch.setenv("FREQTRADE__EXCHANGE__SECRET", "K")
    assert kinds(doctor(bot)[1]) == [NO_CANDLES]
    more = bot.home / "private.json"
    more.write_text(json.dumps({"telegram": {"token": "T"}}))
    more.chmod(0o600)
    bot.change(add_config_files=["private.json"])
    (found, _) = doctor(bot)[1]["findings"]
    assert (found["kind"], Path(found["where"]).name) == ("secrets.telegram", "private.json")


def test_permissions(bot: Bot) -> None:
    bot.config.chmod(0o666)
    assert kinds(doctor(bot)[1]) == [("serious", "permissions.config"), NO_CANDLES]
    bot.change(telegram={"chat_id": "5"})
    bot.config.chmod(0o640)
    assert kinds(doctor(bot)[1]) == [("serious", "permissions.secrets"), NO_CANDLES]
    # With secrets in it as well that is one finding, as serious.
    bot.change(coingecko={"api_key": "K"}, api_server={"password": "K"})
    _, figures = doctor(bot)
    found = [("serious", "secrets.other"), ("serious", "secrets.api"), NO_CANDLES]
    assert sorted(kinds(figures)) == sorted(found)
    assert "chmod 600" in figures["findings"][0]["fix"]
    bot.config.chmod(0o600)
    bot.database.chmod(0o666)
    assert ("serious", "permissions.database") in kinds(doctor(bot)[1])


def test_real_money_without_a_channel_is_a_warning(bot: Bot) -> None:
    bot.change(dry_run=False)
    _, figures = doctor(bot)
    assert ("warning", "notices.none") in kinds(figures)
    bot.change(webhook={**WEBHOOK, "allow_custom_messages": False, "webhookstatus": {}})
    _, figures = doctor(bot)
    assert ("serious", "notices.silent") in kinds(figures)
