"""What is put in the place of freqtrade's and ccxt's functions: one list, looked at first."""

from __future__ import annotations

import ast
import gc
import importlib
import weakref
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from freqtrade.exceptions import OperationalException
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
from freqtrade.strategy import IStrategy

from guarded import World, agree, running_world
from regimeswitch.bot import patches
from regimeswitch.bot.compatibility.internals import JSON_WRITERS
from regimeswitch.bot.patches import CLASSES, PATCHES, allow, install, is_installed, take_out
from regimeswitch.bot.signatures import Misfit, named


# freqtrade's own warnings, in its own code.
pytestmark = pytest.mark.filterwarnings("default")

BOT = Path(patches.__file__).parent
NAMES = {one.name for one in PATCHES}


@pytest.fixture(autouse=True)
def strict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patches, "_ALLOWED", set())


def trees() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(BOT.rglob("*.py")):
        yield ".".join(path.relative_to(BOT).with_suffix("").parts), ast.parse(path.read_text())


def installed_in(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Owner and name of all that a module gives to ``install``."""
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call) or ast.unparse(call.func) != "install":
            continue
        owner = ast.literal_eval(call.args[0])
        for word in call.keywords:
            if word.arg is not None:
                yield owner, word.arg
                continue
            assert ast.unparse(word.value) == "json_files"
            yield from ((owner, name) for name, _ in JSON_WRITERS)


def test_the_list_is_what_the_modules_put_in_place() -> None:
    """Each entry by the module that it names, and nothing beside the list."""
    found = {(*one, module) for module, tree in trees() for one in installed_in(tree)}
    listed = {(one.owner, one.name, module_of(one.wrapper)) for one in PATCHES}
    assert found == listed
    assert len(PATCHES) == len({(one.owner, one.name) for one in PATCHES})


def module_of(wrapper: str) -> str:
    """The module of a dotted name below ``regimeswitch.bot``; what follows must be there."""
    parts = wrapper.split(".")
    folder, name, *rest = parts
    thing: Any = importlib.import_module(f"regimeswitch.bot.{folder}.{name}")
    for one in rest:
        thing = getattr(thing, one)
    assert callable(thing)
    return f"{folder}.{name}"


def test_nothing_else_assigns_to_what_is_listed() -> None:
    for module, tree in trees():
        for node in ast.walk(tree):
            targets = node.targets if isinstance(node, ast.Assign) else []
            flat = [one for target in targets for one in getattr(target, "elts", [target])]
            for target in flat:
                if isinstance(target, ast.Attribute) and target.attr in NAMES:
                    raise AssertionError(f"{module}: {ast.unparse(target)} is assigned to")


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: f"{patch.owner}.{patch.name}")
def test_the_installed_release_fits_every_entry(patch: patches.Patch) -> None:
    for path in CLASSES[patch.owner]:
        assert patch.member.misfit(named(path)) is None


def kitchen() -> Any:
    return FreqaiDataKitchen.__new__(FreqaiDataKitchen)


def test_the_original_is_handed_to_its_replacement() -> None:
    dk = kitchen()
    original = dk.merge_features
    given: list[Any] = []

    def make(merge: Any) -> Any:
        given.append(merge)
        return lambda *frames: "joined"

    assert not is_installed(dk, "merge_features")
    install("kitchen", dk, merge_features=make)
    assert given == [original]
    assert dk.merge_features() == "joined"
    assert is_installed(dk, "merge_features")
    assert not is_installed(kitchen(), "merge_features")


def test_an_object_that_gets_its_own_functions_back_ends_with_its_last_use() -> None:
    """A replacement refers to its object: nobody would let go of a pair's frames in time."""
    dk = kitchen()
    install("kitchen", dk, merge_features=lambda merge: lambda *frames: merge(*frames))
    take_out(dk)
    take_out(dk)
    assert not is_installed(dk, "merge_features")
    assert dk.merge_features == FreqaiDataKitchen.merge_features.__get__(dk)
    gone = weakref.ref(dk)
    gc.collect()
    gc.disable()
    try:
        del dk
        assert gone() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("missing", [True, False])
def test_what_does_not_fit_is_refused_in_one_message_and_nothing_is_put_in_place(
    monkeypatch: pytest.MonkeyPatch, missing: bool
) -> None:
    name = "use_strategy_to_populate_indicators"
    if missing:
        monkeypatch.delattr(FreqaiDataKitchen, name)
    else:
        monkeypatch.setattr(FreqaiDataKitchen, name, lambda self, other: None)
    what = f"freqtrade FreqaiDataKitchen.{name}{' is missing' if missing else '(other), expected'}"
    dk = kitchen()
    changes = {"merge_features": lambda merge: None, name: lambda populate: None}
    with pytest.raises(OperationalException) as caught:
        install("kitchen", dk, **changes)
    text = str(caught.value)
    assert text.startswith(f"the installed freqtrade or ccxt does not fit RegimeSwitch: {what}")
    assert "regimeswitch contract" in text
    assert vars(dk) == {}


def test_other_parameters_can_be_allowed_but_not_what_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(FreqaiDataKitchen, "merge_features", lambda self, other: None)
    (patch,) = [one for one in PATCHES if one.name == "merge_features"]
    misfit = patch.member.misfit(FreqaiDataKitchen)
    assert misfit is not None
    allow(misfit)
    install("kitchen", kitchen(), merge_features=lambda merge: merge)
    monkeypatch.delattr(FreqaiDataKitchen, "merge_features")
    allow(Misfit("freqtrade FreqaiDataKitchen.merge_features is missing"))
    with pytest.raises(OperationalException, match="merge_features is missing"):
        install("kitchen", kitchen(), merge_features=lambda merge: merge)


def test_a_strategy_s_own_way_to_write_a_hook_is_no_misfit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    strategy: Any = SimpleNamespace(confirm_trade_exit=lambda **options: True)
    install("strategy", strategy, confirm_trade_exit=lambda confirm: confirm)
    monkeypatch.setattr(IStrategy, "confirm_trade_exit", lambda self, other: True)
    with pytest.raises(OperationalException, match=r"IStrategy\.confirm_trade_exit\(other\)"):
        install("strategy", strategy, confirm_trade_exit=lambda confirm: confirm)


def test_what_is_not_listed_cannot_be_put_in_place() -> None:
    with pytest.raises(KeyError, match="cancel_all of exchange: not in the list of patches"):
        install("exchange", SimpleNamespace(), cancel_all=lambda cancel: None)


@pytest.mark.slow
def test_a_live_bot_has_what_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_world(tmp_path, monkeypatch) as world:
        world.start()
        world.step()
        for owner, target in owners_of(world).items():
            listed = {one.name for one in PATCHES if one.owner == owner and one.part != "models"}
            # Without candle streams there is nothing to keep freqtrade from.
            missing = {one for one in listed if not is_installed(target, one)}
            assert missing <= {"_can_use_websocket"}, owner
        agree(world)


def owners_of(world: World) -> dict[str, Any]:
    bot: Any = world.bots[-1]
    client = bot.exchange._api
    return {
        "client": client,
        "order client": client,
        "session": client.session,
        "exchange": bot.exchange,
        "strategy": bot.strategy,
        "messages": bot.rpc,
    }
