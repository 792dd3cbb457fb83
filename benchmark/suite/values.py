"""Values of a suite file against the types and ranges of the contract's fields. Every refusal is one sentence.

`expected` says in words what a field takes; messages and `docs/suite.md` use the same words.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
import types
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from benchmark.contract import Between, OneLine
from benchmark.errors import ConfigurationError, nearest

__all__ = ["converted", "expected", "fits", "hints_of", "known_keys", "section", "shown"]

T = TypeVar("T")

LIMIT = 10**15
"""No number of a suite is larger where its field names no range of its own."""
SHOWN = 60

_WORDS = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}


def section(where: str, kind: type[T], table: object, inside: str) -> T:
    """A contract dataclass from a TOML table. `where` opens messages (`suite.toml`), `inside` is the table's name.

    Raises `ConfigurationError` for anything but a table, a key the class does not have, a missing key, a value of
    another type and a number out of its field's range.
    """
    if not isinstance(table, Mapping):
        raise ConfigurationError(f"{where}: {inside} = {shown(table)}: expected a table.")
    hints = hints_of(kind)
    known_keys(where, table, hints, f"[{inside}] ")
    values = {key: _value(where, inside, key, table[key], hint) for key, hint in hints.items() if key in table}
    missing = [one.name for one in dataclasses.fields(kind) if _required(one) and one.name not in values]  # type: ignore[arg-type]
    if missing:
        raise ConfigurationError(
            f"{where}: [{inside}] {missing[0]} is missing: expected {expected(hints[missing[0]])}."
        )
    return kind(**values)


def _value(where: str, inside: str, key: str, value: object, hint: object) -> object:
    nested = next((one for one in (hint, *get_args(hint)) if dataclasses.is_dataclass(one)), None)
    if isinstance(nested, type):
        return section(where, nested, value, f"{inside}.{key}")
    if not fits(value, hint):
        raise ConfigurationError(f"{where}: [{inside}] {key} = {shown(value)}: expected {expected(hint)}.")
    return converted(value, hint)


def hints_of(kind: type) -> dict[str, Any]:
    """Name → annotation of a dataclass's fields, ranges included."""
    hints = get_type_hints(kind, include_extras=True)
    return {one.name: hints[one.name] for one in dataclasses.fields(kind)}


def known_keys(where: str, table: Mapping[str, object], known: Iterable[str], inside: str) -> None:
    """Refuse the first key that is not known, and name the nearest one that is."""
    known = list(known)
    for key in table:
        if key not in known:
            raise ConfigurationError(
                f"{where}: {inside}unknown key {shown(key)}{nearest(key, known)} Known: {', '.join(known)}."
            )


def fits(value: object, hint: object) -> bool:  # noqa: PLR0911 - one line for each kind of annotation
    """Whether a TOML value is of the annotated type and in its range; finite and at most 1e15 where none is named."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return fits(value, arguments[0]) and all(_in_range(value, bound) for bound in arguments[1:])
    if origin in {Union, types.UnionType}:
        return any(fits(value, one) for one in arguments)
    if origin is Literal:
        return isinstance(value, str | int) and any(value == one and type(value) is type(one) for one in arguments)
    if origin in {tuple, list}:
        return isinstance(value, list | tuple) and all(fits(one, arguments[0]) for one in value)
    if origin in {dict, Mapping}:
        return isinstance(value, Mapping) and all(fits(one, arguments[1]) for one in value.values())
    if hint is float:
        return type(value) in {int, float} and abs(value) <= LIMIT  # type: ignore[arg-type]  # NaN compares as false
    if hint is int:
        return type(value) is int and abs(value) <= LIMIT
    return isinstance(value, hint) if isinstance(hint, type) else False


def _in_range(value: object, bound: object) -> bool:
    """Whether a value of the right type is in a range; other annotations say nothing."""
    if isinstance(bound, Between):
        return isinstance(value, int | float) and bound.holds(value)
    return not isinstance(bound, OneLine) or (isinstance(value, str) and bound.holds(value))


def converted(value: object, hint: object) -> object:
    """A value that fits, as the field holds it: lists become tuples, whole numbers of a real-valued field stay."""
    if isinstance(value, list):
        return tuple(value)
    return float(value) if isinstance(value, int) and not isinstance(value, bool) and _real(hint) else value


def _real(hint: object) -> bool:
    """Whether the field holds a real number and nothing else but `None`."""
    inner = get_args(hint) if get_origin(hint) in {Union, types.UnionType, Annotated} else ()
    return hint is float or (bool(inner) and int not in inner and any(_real(one) for one in inner))


def expected(hint: object) -> str:  # noqa: PLR0911 - as above
    """What a field takes, in words: `a whole number from 1 to 10,000,000`."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        bounds = [str(bound) for bound in arguments[1:] if isinstance(bound, Between | OneLine)]
        if arguments[0] is str and bounds:
            return bounds[0]
        return " ".join((expected(arguments[0]), *bounds))
    if origin in {Union, types.UnionType}:
        return " or ".join(expected(one) for one in arguments if one is not type(None))
    if origin is Literal:
        return f"one of {', '.join(repr(one) for one in arguments)}"
    if origin in {tuple, list}:
        return f"a list, each entry {expected(arguments[0])}"
    if origin in {dict, Mapping}:
        return f"a table, each value {expected(arguments[1])}"
    return _WORDS.get(hint, "a table") if isinstance(hint, type) else "a value"


def shown(value: object) -> str:
    """A value for a message: one line, its start where it is long, digits counted where a number is huge."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > LIMIT:
        return f"a number of about 10^{int(value.bit_length() * math.log10(2))}"
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, Mapping | list | tuple):
        return f"a {'table' if isinstance(value, Mapping) else 'list'} of {len(value)}"
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…{text[-1]}"


def _required(one: dataclasses.Field[Any]) -> bool:
    return one.default is dataclasses.MISSING and one.default_factory is dataclasses.MISSING
