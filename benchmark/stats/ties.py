"""Letters for the largest groups of methods in which no pair is decided."""

from __future__ import annotations

from string import ascii_lowercase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from benchmark.contract import Comparison

__all__ = ["groups", "letters"]


def letters(order: Sequence[str], pairs: Mapping[tuple[str, str], Comparison]) -> dict[str, str]:
    """Letters for each method; two methods share one exactly when their pair is undecided. `order`: best first.

    a to z, then a1 to z1, and so on.
    """
    found = groups(order, pairs)
    names = [f"{ascii_lowercase[place % 26]}{place // 26 or ''}" for place in range(len(found))]
    return {
        method: " ".join(name for name, group in zip(names, found, strict=True) if method in group) for method in order
    }


def groups(order: Sequence[str], pairs: Mapping[tuple[str, str], Comparison]) -> list[tuple[str, ...]]:
    """The maximal cliques of undecided pairs, each in the given order, the one with the best member first."""
    undecided = {
        method: {other for other in order if other != method and pairs[method, other].decision == "undecided"}
        for method in order
    }
    rank = {method: place for place, method in enumerate(order)}
    found = [tuple(sorted(clique, key=rank.__getitem__)) for clique in _cliques(undecided)]
    return sorted(found, key=lambda group: [rank[method] for method in group])


def _cliques(edges: Mapping[str, Collection[str]]) -> list[set[str]]:
    """All maximal cliques (Bron and Kerbosch 1973, with pivot)."""
    found: list[set[str]] = []

    def grow(clique: set[str], open_: set[str], closed: set[str]) -> None:
        if not open_ and not closed:
            found.append(clique)
            return
        pivot = max(sorted(open_ | closed), key=lambda node: len(open_ & set(edges[node])))
        for node in sorted(open_ - set(edges[pivot])):
            near = set(edges[node])
            grow(clique | {node}, open_ & near, closed & near)
            open_.discard(node)
            closed.add(node)

    if edges:
        grow(set(), set(edges), set())
    return found
