"""The house itself: compose file, config, lock, licence, documents."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from conftest import ROOT
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
            assert (ROOT / volume.split(":")[0]).exists(), volume
    assert services["backtest"]["profiles"] == ["backtest"]
    for port in services["bot"]["ports"]:
        assert port.startswith("127.0.0.1:")
    for name, value in services["bot"]["environment"].items():
        if any(word in name for word in ("KEY", "SECRET", "PASSWORD", "TOKEN", "CHAT_ID")):
            assert value.startswith("${"), f"{name} must come from the environment"


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
    from regimeswitch.lab.schema import reference

    assert (ROOT / "docs/configuration.md").read_text() == reference()
