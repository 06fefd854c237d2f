"""No secret leaves the machine in an archive, and none is printed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from freqtrade.config_schema.config_schema import CONF_SCHEMA
from hypothesis import given
from hypothesis import strategies as st

from bots import Bot
from doctors import a_machine_of_eight, bot, doctor
from project import ROOT
from regimeswitch.settings import Settings
from regimeswitch_lab.bot_config import load_bot_config, load_sound_config
from regimeswitch_lab.cli import main
from regimeswitch_lab.confidential import confidential, hidden
from regimeswitch_lab.doctor.key_checks import resolved
from regimeswitch_lab.harmless import is_harmless_place, without_unknown
from regimeswitch_lab.inputs import InputError


__all__ = ["a_machine_of_eight", "bot"]

# No harmless text has such a form, wherever it stands.
MARK = "hunter2!"
UNUSUAL: dict[str, Any] = {
    "smtp_pass": MARK,
    "seed_phrase": [MARK, MARK],
    "ntfy": {"topic": MARK, "url": f"https://ntfy.sh/{MARK}"},
    "protections": [{"method": MARK}],
    "exchange": {
        "ccxt_config": {
            "headers": {"X-Auth": MARK},
            "cookies": MARK,
            "proxies": {"https": f"http://{MARK}@proxy"},
            "urls": {"api": f"https://a.example/?token={MARK}"},
            "options": {"defaultType": "spot", "broker": {"spot": MARK}},
            "timeout": 9000,
            "verbose": False,
        },
        "ccxt_async_config": {"aiohttp_proxy": f"http://{MARK}:{MARK}@proxy"},
    },
    "webhook": {"entry": {"token": MARK, "user": MARK}, "retries": 2},
    "discord": {"exit_fill": [{"a": MARK}]},
    "log_config": {"handlers": {"mail": {"credentials": [MARK, MARK]}}},
    "pairlists": [{"method": "RemotePairList", "pairlist_url": MARK, "bearer_token": MARK}],
    "telegram": {"topic_id": MARK, "keyboard": [["/daily", MARK]], "chat_id": 778899123},
    "freqai": {"model_training_parameters": {"n_jobs": 2, "objective": "multiclass", "k": MARK}},
    "bot_name": f"bot {MARK}",
    "max_open_trades": MARK,
    "$schema": f"https://schema.freqtrade.io/schema.json?key={MARK}",
}


def text_places(schema: dict[str, Any], place: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Places of the schema where a text may stand."""
    schema = resolved(schema)
    kinds = schema.get("type", "string")
    if "string" in ([kinds] if isinstance(kinds, str) else kinds):
        yield place
    for name, part in (schema.get("properties") or {}).items():
        yield from text_places(part, (*place, name))


def config_with(place: tuple[str, ...], value: Any) -> dict[str, Any]:
    for name in reversed(place):
        value = {name: value}
    return dict(value)


def test_the_project_s_own_configuration_and_every_setting_stay() -> None:
    config = json.loads((ROOT / "config.json").read_text())
    config["regimeswitch"] = Settings().model_dump(mode="json")
    config["regimeswitch"]["models"]["parameters"] = {"lightgbm": {"num_leaves": 8}}
    config["pairlists"].append(
        {"method": "VolumePairList", "number_assets": 20, "sort_key": "quoteVolume"}
    )
    config["minimal_roi"] = {"0": 0.1, "60": 0.01}
    config["dry_run_wallet"] = {"USDT": 1000, "BTC": 0.1}
    config["telegram"]["notification_settings"] = {"exit": {"roi": "off", "*": "on"}}
    config["api_server"]["CORS_origins"] = ["http://localhost:8080"]
    assert without_unknown(config) == (config, [])


@pytest.mark.parametrize("name", list(UNUSUAL))
def test_secrets_under_any_name_are_taken_out_and_named(name: str) -> None:
    kept, removed = without_unknown({name: UNUSUAL[name]})
    assert MARK not in json.dumps(kept)
    assert "778899123" not in json.dumps(kept)
    assert removed
    assert all(one.split(".")[0] == name for one in removed)
    assert MARK not in str(removed)


def test_what_stands_beside_secrets_is_kept() -> None:
    kept, removed = without_unknown(UNUSUAL)
    assert kept["exchange"]["ccxt_config"] == {
        **{"options": {"defaultType": "spot"}, "timeout": 9000, "verbose": False},
    }
    assert kept["pairlists"] == [{"method": "RemotePairList"}]
    assert kept["telegram"] == {"keyboard": [["/daily"]]}
    parameters = {"n_jobs": 2, "objective": "multiclass"}
    assert kept["freqai"]["model_training_parameters"] == parameters
    assert {"ntfy", "smtp_pass", "webhook.entry", "exchange.ccxt_config.urls"} <= set(removed)


def test_every_text_that_freqtrade_takes_is_a_known_one_or_goes() -> None:
    places = list(text_places(CONF_SCHEMA))
    assert len(places) > 60
    for place in places:
        if place:
            kept, removed = without_unknown(config_with(place, MARK))
            assert MARK not in json.dumps(kept), place
            assert removed == [".".join(place)]


KEYS = st.sampled_from(
    [
        *("exchange", "ccxt_config", "options", "telegram", "pairlists", "regimeswitch", "models"),
        *("parameters", "lightgbm", "freqai", "model_training_parameters", "headers", "webhook"),
        *("note", "dry_run_wallet", "minimal_roi", "0", "api_server", "stake_amount", "a b", ""),
    ]
)
VALUES = st.recursive(
    st.just(MARK),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3)
        | st.dictionaries(KEYS, inner, min_size=1, max_size=3)
    ),
    max_leaves=12,
)


@given(st.dictionaries(KEYS, VALUES, min_size=1, max_size=4))
def test_a_secret_at_any_place_at_any_depth_goes(config: dict[str, Any]) -> None:
    kept, removed = without_unknown(config)
    assert MARK not in json.dumps(kept)
    assert removed


def test_keys_of_a_file_are_named_without_what_a_terminal_obeys() -> None:
    _, removed = without_unknown({"\x1b[2J\nx" + "y" * 90: MARK})
    assert removed == ["??2J?x" + "y" * 54]


# --- printed


SHORT_SECRETS: dict[str, Any] = {
    "api_server": {
        "enabled": True,
        "jwt_secret_key": MARK,
        "username": "me",
        "password": f"{MARK}password",
        "ws_token": {"a": f"{MARK}token"},
        "listen_ip_address": f"{MARK}address",
    },
    "exchange": {
        "key": {"a": f"{MARK}key"},
        "secret": [f"{MARK}secret"],
        "ccxt_config": [f"{MARK}ccxt"],
        "pair_whitelist": {"a": f"{MARK}pair"},
    },
    "telegram": {"token": [f"{MARK}token"], "chat_id": [77889912]},
    "webhook": {"url": [f"https://h.example/{MARK}"]},
    "coingecko": [f"{MARK}coin"],
    "smtp_pass": MARK,
}


@pytest.mark.parametrize("name", list(SHORT_SECRETS))
def test_doctor_prints_no_secret_that_freqtrade_would_refuse(
    bot: Bot, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """The words of its schema repeat the value."""
    bot.change(**{name: SHORT_SECRETS[name]})
    code, figures = doctor(bot)
    printed = capsys.readouterr()
    assert code == 1 or name == "smtp_pass"
    for text in (printed.out, printed.err, json.dumps(figures)):
        assert MARK not in text
        assert "77889912" not in text
    if name != "smtp_pass":
        assert any(one["kind"] == "config.schema" for one in figures["findings"])
        with pytest.raises(InputError) as caught:
            load_sound_config([bot.config], {})
        assert MARK not in str(caught.value)


def test_a_short_jwt_secret_is_named_by_what_it_lacks(bot: Bot) -> None:
    bot.change(api_server={"jwt_secret_key": MARK})
    found = [one for one in doctor(bot)[1]["findings"] if one["kind"] == "config.schema"]
    assert [(one["where"], one["what"]) for one in found] == [
        ("api_server.jwt_secret_key", "it has fewer than 32 characters")
    ]


def test_what_is_harmless_is_still_shown(bot: Bot) -> None:
    bot.change(max_open_trades="many", trading_mode="spto")
    what = {one["where"]: one["what"] for one in doctor(bot)[1]["findings"]}
    assert "'many'" in what["max_open_trades"]
    assert "'spto'" in what["trading_mode"]
    assert is_harmless_place(["exchange", "name"])
    assert not is_harmless_place(["exchange", "key"])
    assert not is_harmless_place(["no", "such", "key"])
    assert not is_harmless_place([])


def test_a_broken_file_is_named_without_the_lines_around(tmp_path: Path) -> None:
    """freqtrade shows them, and keys stand in them."""
    (tmp_path / "private.json").write_text(f'{{"exchange": {{"key": "{MARK}",\n"secret": ]}}}}')
    (tmp_path / "c.json").write_text('{"add_config_files": ["private.json"]}')
    for given_file in ("c.json", "private.json"):
        with pytest.raises(InputError) as caught:
            load_bot_config([tmp_path / given_file], {})
        assert MARK not in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "config",
    [
        {"exchange": {"ccxt_config": {"headers": {"X-Auth": MARK}}}},
        {"exchange": {"ccxt_config": {"cookie": MARK}}},
        {"notify": f"https://a.example/path?access_token={MARK}"},
        {"notify": f"https://{MARK}@a.example/"},
        {"notify": [f"https://hooks.slack.com/services/{MARK}"]},
        {"smtp_pass": MARK},
        {"seed_phrase": MARK},
        {"ntfy_topic": MARK},
        {"ntfy": {"url": f"https://ntfy.sh/{MARK}"}},
        {"pairlists": [{"bearer_token": MARK}]},
    ],
)
def test_doctor_finds_secrets_under_unusual_names(
    bot: Bot, capsys: pytest.CaptureFixture[str], config: dict[str, Any]
) -> None:
    """Found, named, and not shown."""
    assert confidential(config)
    bot.change(**config)
    _, figures = doctor(bot)
    assert any(one["kind"].startswith("secrets.") for one in figures["findings"])
    printed = capsys.readouterr()
    assert MARK not in printed.out + printed.err + json.dumps(figures)


def test_the_project_s_own_configuration_has_nothing_confidential() -> None:
    assert confidential(json.loads((ROOT / "config.json").read_text())) == []
    assert confidential({"regimeswitch": Settings().model_dump(mode="json")}) == []


def test_texts_of_others_are_shown_without_secrets() -> None:
    config = {"exchange": {"key": "abcd-1234", "secret": ["xyz"]}, "telegram": {"chat_id": 112233}}
    text = "GET https://a.example/?key=abcd-1234&chat=112233 xyz"
    assert hidden(text, config) == "GET https://a.example/?key=(hidden)&chat=(hidden) xyz"


def test_the_commands_of_archives_print_no_secret(
    bot: Bot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    bot.change(**{name: UNUSUAL[name] for name in ("smtp_pass", "ntfy", "webhook", "discord")})
    (bot.userdir / "models").mkdir()
    words = ["--config", bot.config, "--userdir", bot.userdir, "--out", tmp_path / "a.zip"]
    assert main(["backup", *map(str, words)]) == 0
    assert main(["restore", str(tmp_path / "a.zip"), "--userdir", str(tmp_path / "new")]) == 0
    for url in (f"postgresql://h/d?password={MARK}", f"postgresql://u:{MARK}@h/d", MARK):
        assert main(["backup", *map(str, words), "--force", "--db-url", url]) == 1
    printed = capsys.readouterr()
    assert MARK not in printed.out + printed.err
    assert MARK not in (tmp_path / "new/restored-config.json").read_text()
