"""Whether a method or an attribute of freqtrade's or ccxt's is as it was when it was first used.

Nothing of their internals is promised to stay: each use stands in a table with the parameters that
are expected, see :mod:`regimeswitch.bot.patches` and
:mod:`regimeswitch.bot.compatibility.internals`.
"""

from __future__ import annotations

import importlib
import inspect
import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal


Use = Literal["replaced", "repaired", "wrapped", "called", "read"]


@dataclass(frozen=True)
class Misfit:
    """Something that is not as it was when RegimeSwitch was written.

    :ivar what: owner, name and the difference
    :ivar fatal: nothing can be wrapped or called; otherwise it may work all the same
    """

    what: str
    fatal: bool = False


@dataclass(frozen=True)
class Member:
    """A method or an attribute of a class of freqtrade or ccxt.

    :ivar use: ``replaced`` by something that takes these parameters and no others; ``repaired``
        the same way, where there is anything to repair; ``wrapped`` by something that looks at
        these and hands all on; ``called`` with these, where others can be left out; or ``read``
    :ivar parameters: without ``self``
    """

    name: str
    use: Use
    parameters: tuple[str, ...] = ()

    def misfit(self, owner: Any) -> Misfit | None:
        """What is different in ``owner``, a class or an object; None where it fits."""
        label = f"{_name_of(owner)}.{self.name}"
        if self.use == "read":
            return None if _has(owner, self.name) else Misfit(f"{label} is missing", fatal=True)
        method = getattr(owner, self.name, None)
        if method is None and self.use == "repaired":
            return None
        if not callable(method):
            return Misfit(f"{label} is missing", fatal=True)
        now = [one for one in _parameters(method) if one.name != "self"]
        if self._takes(now):
            return None
        expected = ", ".join(self.parameters)
        return Misfit(f"{label}({', '.join(map(str, now))}), expected ({expected})")

    def _takes(self, now: list[inspect.Parameter]) -> bool:
        count = len(self.parameters)
        if tuple(one.name for one in now[:count]) != self.parameters:
            return False
        if self.use == "called":
            return all(_may_be_left_out(one) for one in now[count:])
        return self.use == "wrapped" or len(now) == count


def _parameters(method: Any) -> list[inspect.Parameter]:
    found = list(inspect.signature(method).parameters.values())
    if all(map(_collects, found)):
        found = list(inspect.signature(_decorated(method)).parameters.values())
    return [one.replace(annotation=inspect.Parameter.empty) for one in found]


def _decorated(method: Any) -> Any:
    """What a decorator hides that does not tell it, as freqtrade's retries of coroutines."""
    function = getattr(method, "__func__", method)
    if not inspect.isfunction(function):
        return method
    hidden = inspect.getclosurevars(function).nonlocals.get("f")
    return hidden if inspect.isfunction(hidden) else method


def _may_be_left_out(one: inspect.Parameter) -> bool:
    return _collects(one) or one.default is not inspect.Parameter.empty


def _collects(one: inspect.Parameter) -> bool:
    return one.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def _name_of(owner: Any) -> str:
    if inspect.ismodule(owner):
        return owner.__name__
    kind = owner if inspect.isclass(owner) else type(owner)
    return f"{kind.__module__.split('.')[0]} {kind.__name__}"


def _has(owner: Any, name: str) -> bool:
    """Whether a class or an object has an attribute, or its class gives it one when it is made."""
    kind = owner if inspect.isclass(owner) else type(owner)
    # A property of an object is not asked for: it may ask the exchange.
    if hasattr(kind, name) or name in vars(owner):
        return True
    classes = [one for one in kind.__mro__ if one.__module__.startswith("freqtrade")]
    given = re.compile(rf"\bself\.{name}\b(?!\()")
    return any(
        name in inspect.get_annotations(one) or given.search(source_of(one)) for one in classes
    )


def named(path: str) -> Any:
    """A class or module of freqtrade; FreqAI, which takes seconds, only when asked for."""
    module, _, name = path.rpartition(".")
    with warnings.catch_warnings():
        # What freqtrade's own imports warn of is not ours to tell.
        warnings.simplefilter("ignore")
        home = importlib.import_module(module)
        return getattr(home, name) if hasattr(home, name) else importlib.import_module(path)


@cache
def source_of(thing: Any) -> str:
    """The source of a module or class; reading a large one takes a tenth of a second."""
    return inspect.getsource(thing)


def replaced(name: str, parameters: str = "") -> Member:
    """A method that is replaced or overridden.

    :param parameters: their names, with spaces between
    """
    return Member(name, "replaced", tuple(parameters.split()))


def repaired(name: str, parameters: str) -> Member:
    """A method with a fault that is repaired; older releases need not have it."""
    return Member(name, "repaired", tuple(parameters.split()))


def wrapped(name: str, parameters: str) -> Member:
    """A method that is wrapped; the first parameters, as in :func:`replaced`."""
    return Member(name, "wrapped", tuple(parameters.split()))


def called(name: str, parameters: str = "") -> Member:
    """A method that is called; parameters as in :func:`replaced`."""
    return Member(name, "called", tuple(parameters.split()))


def read(*names: str) -> list[Member]:
    """Attributes."""
    return [Member(name, "read") for name in names]


def misfits(owner: Any, members: Iterable[Member]) -> list[Misfit]:
    """What is different in a class or an object."""
    return [one for member in members if (one := member.misfit(owner)) is not None]
