"""The house itself: compose file, config, lock, licence, documents."""

from __future__ import annotations

import ast
import json
import platform
import re
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

from bots import make_bot
from plainvenv import plain_venv
from project import ROOT
from regimeswitch.settings import Settings, load_settings


def tracked(*patterns: str) -> list[Path]:
    done = subprocess.run(
        ["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [ROOT / line for line in done.stdout.splitlines()]


def test_compose_file_is_valid_by_the_compose_specification() -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"),
            str(ROOT / "docker-compose.yml"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_name_in_the_compose_file_resolves() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    for service in services.values():
        assert re.fullmatch(r"freqtradeorg/freqtrade:\d{4}\.\d+_freqai", service["image"])
        for volume in service["volumes"]:
            place = volume.split(":")[0]
            assert place == "~/.config/regimeswitch" or (ROOT / place).exists(), volume
    assert services["backtest"]["profiles"] == ["backtest"]
    for service in services.values():
        for port in service.get("ports", ()):
            assert port.startswith("127.0.0.1:")
        for name, value in service.get("environment", {}).items():
            if any(word in name for word in ("KEY", "SECRET", "PASSWORD", "TOKEN", "CHAT_ID")):
                assert not value or value.startswith("${"), f"{name} must be of the environment"


def test_the_bots_of_the_compose_file_are_a_trading_bot_and_its_model_bots() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    models, trader = ("model-a", "model-b"), services["trader"]["environment"]
    token = "a-token-that-is-long-enough-for-two-bots"
    given = trader["FREQTRADE__EXTERNAL_MESSAGE_CONSUMER__PRODUCERS"]
    producers = json.loads(given.replace("${REGIMESWITCH_WS_TOKEN:-}", token))
    assert [(one["host"], one["port"], one["ws_token"]) for one in producers] == (
        [(name, 8080, token) for name in models]
    )
    pairs: list[str] = []
    for name in models:
        service = services[name]
        assert "ports" not in service
        environment = service["environment"]
        assert environment["FREQTRADE__API_SERVER__WS_TOKEN"] == "${REGIMESWITCH_WS_TOKEN:-}"
        assert environment["FREQTRADE__EXCHANGE__KEY"] == ""
        assert (service["profiles"], service["restart"]) == (["several"], "unless-stopped")
        assert "/freqtrade/user_data/bots/model-bot.json" in service["command"]
        pairs += _default(environment["FREQTRADE__EXCHANGE__PAIR_WHITELIST"])
    own = [services[name]["environment"]["FREQTRADE__FREQAI__IDENTIFIER"] for name in models]
    databases = [services[name]["command"][6] for name in (*models, "trader")]
    assert len(set(own)) == len(own)
    assert len(set(databases)) == len(databases)
    assert _default(trader["FREQTRADE__EXCHANGE__PAIR_WHITELIST"]) == pairs
    assert "/freqtrade/user_data/bots/trading-bot.json" in services["trader"]["command"]


def _default(value: str) -> list[str]:
    """The list that a variable of the compose file has where the environment gives none."""
    found: list[str] = json.loads(value.partition(":-")[2].removesuffix("}"))
    return found


def test_the_tools_of_the_compose_file_run_with_what_the_image_brings(tmp_path: Path) -> None:
    """The commands of the services, where only ``freqtrade[freqai]`` is installed."""
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    bot = make_bot(tmp_path / "freqtrade")
    bot.database.rename(bot.userdir / "tradesv3.sqlite")
    programs, config = plain_venv(tmp_path / "venv"), str(bot.config)

    def run(name: str, *more: str) -> str:
        service = services[name]
        assert service["environment"]["PYTHONPATH"] == "/freqtrade/user_data"
        program, *words = service["entrypoint"]
        words = [word.replace("/freqtrade/", f"{bot.home}/") for word in words]
        done = subprocess.run(
            [str(programs / program), *words, *more],
            cwd=bot.userdir if "working_dir" in service else bot.home,
            env={"PATH": f"{programs}:/usr/bin:/bin", "PYTHONPATH": str(ROOT / "user_data")},
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        assert done.returncode in (0, 1), done.stderr
        return done.stdout + done.stderr

    for name in ("doctor", "wait", "backup"):
        assert services[name]["profiles"] == [name]
    assert "machine.version" not in run("doctor")
    # Of another exchange than Binance's it waits for nothing.
    bot.change(exchange={"name": "kraken"})
    assert "only binance can be waited for" in run("wait", "show-config", "--config", config)
    bot.change(exchange={"name": "binance"})
    run("backup")
    assert list(bot.userdir.glob("regimeswitch-*.zip"))
    assert (bot.home / "keys/backup.key").stat().st_mode & 0o77 == 0


def test_the_image_is_the_freqtrade_of_the_lock() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    (version,) = re.findall(r"^freqtrade==(\S+)", lock, re.MULTILINE)
    assert f"freqtrade:{version}_freqai" in (ROOT / "docker-compose.yml").read_text()


def test_config_json_names_what_exists_and_listens_on_loopback() -> None:
    config = json.loads((ROOT / "config.json").read_text())
    strategy, model = config["strategy"], config["freqaimodel"]
    assert f"class {strategy}(" in (ROOT / f"user_data/strategies/{strategy}.py").read_text()
    assert f"class {model}(" in (ROOT / f"user_data/freqaimodels/{model}.py").read_text()
    settings = load_settings(config["regimeswitch"])
    assert settings == Settings(), "config.json shows the defaults"
    timeframes = config["freqai"]["feature_parameters"]["include_timeframes"]
    assert config["timeframe"] in timeframes
    assert settings.regime.timeframe in timeframes
    features = config["freqai"]["feature_parameters"]
    assert features["label_period_candles"] == settings.labels.horizon
    assert config["dry_run"] is True
    assert config["api_server"]["listen_ip_address"] == "127.0.0.1"
    secrets = [config["exchange"]["key"], config["exchange"]["secret"]]
    secrets += [config["telegram"]["token"], config["api_server"]["password"]]
    assert not any(secrets)


def test_the_lock_has_hashes_and_no_address() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    names = re.findall(r"^([A-Za-z0-9_.-]+)==", lock, re.MULTILINE)
    assert {"freqtrade", "ta-lib", "lightgbm", "xgboost", "scikit-learn"} <= set(names)
    for block in re.split(r"\n(?=\S)", lock.strip()):
        assert "--hash=sha256:" in block, block
    assert "://" not in lock
    assert "index-url" not in lock


def test_the_project_s_extra_parts_are_in_the_lock() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    lock = (ROOT / "requirements.lock").read_text()
    for name in re.findall(r'^    "([A-Za-z0-9-]+)(?:\[[a-z,]+\])?>=', project, re.MULTILINE):
        assert re.search(rf"^{name}==", lock, re.MULTILINE | re.IGNORECASE), name


@pytest.mark.parametrize("path", [*tracked("*.md")], ids=lambda path: path.name)
def test_links_in_documents_lead_to_files(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text()):
        if "://" not in target:
            assert (path.parent / target).exists(), f"{path.name}: {target}"


def test_the_configuration_reference_is_the_one_the_settings_give() -> None:
    from regimeswitch_lab.commands.schema_command import reference

    assert (ROOT / "docs/configuration.md").read_text() == reference()


def test_the_schema_that_config_json_names_is_the_one_the_settings_give() -> None:
    from regimeswitch_lab.commands.schema_command import SCHEMA_FILE, config_schema

    assert json.loads((ROOT / "config.json").read_text())["$schema"] == SCHEMA_FILE
    assert json.loads((ROOT / SCHEMA_FILE).read_text()) == config_schema()


def schema_faults(config: dict[str, object]) -> list[str]:
    """What a validator says of a config by the shipped schema, freqtrade's put in its place."""
    from freqtrade.config_schema.config_schema import CONF_SCHEMA

    from regimeswitch_lab.commands.schema_command import FREQTRADE_SCHEMA, SCHEMA_FILE

    # freqtrade's is at hand without a network: the installed package has it.
    freqtrade = Resource.from_contents(CONF_SCHEMA, default_specification=DRAFT7)
    registry = Registry().with_resource(FREQTRADE_SCHEMA, freqtrade)
    schema = json.loads((ROOT / SCHEMA_FILE).read_text())
    Draft202012Validator.check_schema(schema)
    found = Draft202012Validator(schema, registry=registry).iter_errors(config)
    return [error.message for error in found]


def test_the_schema_takes_config_json_and_finds_mistakes_of_both() -> None:
    config = json.loads((ROOT / "config.json").read_text())
    # A secret, so it is no part of config.json; freqtrade fills it in for an API that is off.
    config["api_server"]["jwt_secret_key"] = "of-this-test-alone-" + "x" * 32
    assert schema_faults(config) == []
    config["dry_run"] = "yes"
    config["regimeswitch"]["entries"]["mod"] = "signal"
    assert schema_faults(config) == [
        "'yes' is not of type 'boolean'",
        "Additional properties are not allowed ('mod' was unexpected)",
    ]


def released(version: str) -> dict[str, list[str]]:
    """Versions in the lock that a Python on Linux installs, by package."""
    environment = {
        **default_environment(),
        "python_version": version,
        "python_full_version": f"{version}.0",
        "sys_platform": "linux",
        "platform_machine": "x86_64",
    }
    found: dict[str, list[str]] = {}
    lock = (ROOT / "requirements.lock").read_text()
    for line in re.findall(r"^(\S+==.*?) \\$", lock, re.MULTILINE):
        one = Requirement(line)
        if one.marker is None or one.marker.evaluate(environment):
            found.setdefault(one.name, []).append(str(one.specifier))
    return found


def test_every_python_that_is_named_is_served_by_the_lock() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pythons = [one.rpartition(" ")[2] for one in project["classifiers"]]
    assert pythons == ["3.11", "3.12", "3.13"]
    for version in ("3.10", *pythons, "3.14"):
        assert SpecifierSet(project["requires-python"]).contains(version) == (version in pythons)
    oldest = released(pythons[0])
    for version in pythons:
        found = released(version)
        assert all(len(one) == 1 for one in found.values())
        # Dask asks for a backport that newer ones have in their standard library.
        assert set(oldest) - set(found) <= {"importlib-metadata", "lazy-importer", "zipp"}
        assert set(found) <= set(oldest)


def test_spans_of_time_have_a_unit() -> None:
    """numpy 2.5, which Python 3.12 and newer get, refuses others; that of 3.11 does not say so."""
    for path in tracked("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "np.timedelta64":
                assert len(node.args) == 2, f"{path.name}:{node.lineno}: {ast.unparse(node)}"


def make(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "--dry-run", *words], cwd=folder, capture_output=True, text=True, check=False
    )


def test_another_python_gets_a_virtualenv_of_its_own(tmp_path: Path) -> None:
    """``make test PYTHON=...`` must not test with the Python of an older ``.venv``."""
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    python = tmp_path / "python3.99"
    python.write_text("#!/bin/sh\necho 3.99\n")
    python.chmod(0o755)
    assert f"{python} -m venv .venv\n" in make(tmp_path, "venv", f"PYTHON={python}").stdout
    (tmp_path / ".venv").mkdir()
    for version in ("3.11.7", "3.9.18", "3.99.1"):
        folder = ".venv" if version == "3.99.1" else ".venv-3.99"
        (tmp_path / ".venv/pyvenv.cfg").write_text(f"home = /usr/bin\nversion = {version}\n")
        assert f" -m venv {folder}\n" in make(tmp_path, "venv", f"PYTHON={python}").stdout
        assert " -m venv .venv\n" in make(tmp_path, "venv").stdout
        assert " -m venv other\n" in make(tmp_path, "venv", f"PYTHON={python}", "VENV=other").stdout
    refused = make(tmp_path, "venv", "PYTHON=no-such-python")
    assert refused.returncode == 2
    assert "PYTHON=no-such-python cannot be run; name a Python 3.11, 3.12 or 3.13" in refused.stderr


def test_a_run_says_which_python_and_freqtrade_it_tests() -> None:
    done = subprocess.run(
        ["make", "versions", f"VENV={sys.prefix}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    version = metadata.version("freqtrade")
    assert f"Python {platform.python_version()}, freqtrade {version}, ccxt" in done.stdout
    assert "versions" in make(ROOT, "--always-make", "--print-data-base", "test").stdout
    assert 'make test "$@"' in (ROOT / ".ci/run").read_text()


def test_the_releases_that_count_as_tested_are_those_of_the_table() -> None:
    from regimeswitch.bot.compatibility.supported import TESTED

    table = (ROOT / "docs/compatibility.md").read_text()
    rows = re.findall(r"^\| (\d{4}\.[\d.]+) \| .*? \| (\d+) of (\d+) \|", table, re.MULTILINE)
    whole = [version for version, passed, checks in rows if passed == checks]
    assert sorted(TESTED, key=Version) == sorted(set(whole), key=Version)
    project = (ROOT / "pyproject.toml").read_text()
    assert f"freqtrade[freqai,hyperopt,plot]>={min(TESTED, key=Version)}" in project
