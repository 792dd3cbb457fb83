"""Rules for every method, wherever its class lives; `bakeoff check` and the tests apply them.

A rule takes an adapter and returns what is wrong, or `None`. Loads no torch; the rules of a loss, which need it, are
where the losses are (`algorithms.LOSS_RULES`).
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import itertools
import textwrap
from collections.abc import Callable
from typing import Any, cast

from algorithms import LOSS_RULES
from benchmark.adapter import Adapter
from benchmark.contract.aim import Aim

__all__ = [
    "CLASS_RULES",
    "aims_are_declared",
    "broken_rules",
    "examination_is_shared",
    "fields_are_documented",
    "is_frozen",
    "names_its_paper",
    "needs_are_names",
    "states_its_objective",
]


def is_frozen(adapter: Adapter) -> str | None:
    """The class is a frozen dataclass, so its fields are its hyper-parameters and stay constant."""
    known = vars(type(adapter)).get("__dataclass_params__")
    if known is None or not known.frozen:
        return "write @dataclass(frozen=True) above the class: its fields are its hyper-parameters and do not change"
    return None


def states_its_objective(adapter: Adapter) -> str | None:
    """The docstring of the module or the class states the loss under the word Objective."""
    module = inspect.getmodule(type(adapter))
    texts = (type(adapter).__doc__ or "", (module.__doc__ or "") if module else "")
    return None if any("Objective" in text for text in texts) else "no docstring has a paragraph 'Objective: …'"


def names_its_paper(adapter: Adapter) -> str | None:
    """`paper` names the source of the method."""
    found = [vars(base)["paper"] for base in type(adapter).__mro__ if "paper" in vars(base)]
    if not found or not isinstance(found[0], str) or not found[0].strip():
        return "no 'paper': write paper: ClassVar[str] = \"where the method is from, with the equation\""
    return None


def fields_are_documented(adapter: Adapter) -> str | None:
    """Every hyper-parameter has a docstring below it."""
    documented = {name for base in type(adapter).__mro__[:-1] for name in _documented(base)}
    missing = [item.name for item in dataclasses.fields(cast("Any", adapter)) if item.name not in documented]
    return f"the field '{missing[0]}' has no sentence beneath it" if missing else None


def aims_are_declared(adapter: Adapter) -> str | None:
    """`aim()` returns an `Aim` or `None`."""
    found: object = adapter.aim()
    return None if found is None or isinstance(found, Aim) else f"aim() gives {found!r}: give an Aim, or None"


def needs_are_names(adapter: Adapter) -> str | None:
    """`needs` is a frozenset of names."""
    found: object = adapter.needs
    if isinstance(found, frozenset) and all(isinstance(name, str) for name in found):
        return None
    return f"needs is {found!r}: give a frozenset of names"


def examination_is_shared(adapter: Adapter) -> str | None:
    """`evaluate` is the one of `Adapter`."""
    bases = itertools.takewhile(lambda base: base is not Adapter, type(adapter).__mro__)
    own = [base.__name__ for base in bases if "evaluate" in vars(base)]
    return f"{own[0]} has an evaluate of its own: every method takes the same exam" if own else None


CLASS_RULES: tuple[Callable[[Adapter], str | None], ...] = (
    is_frozen,
    states_its_objective,
    names_its_paper,
    fields_are_documented,
    aims_are_declared,
    needs_are_names,
    examination_is_shared,
)


def broken_rules(adapter: Adapter) -> tuple[str, ...]:
    """The rules that a method breaks, each as half a sentence; empty if there is none."""
    own = [reason for rule in CLASS_RULES if (reason := rule(adapter)) is not None]
    module, _, name = LOSS_RULES.partition(":")
    of_loss = cast("Callable[[Adapter], tuple[str, ...]]", vars(importlib.import_module(module))[name])
    return (*own, *of_loss(adapter))


def _documented(cls: type) -> list[str]:
    """Annotated fields with a string beneath them, in the class's own body; none where its source is not at hand."""
    try:
        source = inspect.getsource(cls)
    except (OSError, TypeError):
        return []
    tree = ast.parse(textwrap.dedent(source)).body[0]
    assert isinstance(tree, ast.ClassDef)
    return [
        node.target.id
        for node, following in itertools.pairwise(tree.body)
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and isinstance(following, ast.Expr)
        and isinstance(following.value, ast.Constant)
    ]
