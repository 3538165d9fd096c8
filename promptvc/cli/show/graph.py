r"""The lines between commits: ``*`` for each, ``|`` past it, ``\`` to further parents, ``/`` where lines meet.

A lane is a column that leads down to one commit; each commit is in at most one lane. A line that ends in another lane
farther away runs below those between: ``|_|/``.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct


class GraphPart(Struct, frozen=True):
    """The graph on the left of one commit: beside its first line, the lines after it, and all further ones."""

    head: str
    edges: tuple[str, ...]
    rest: str


class Graph:
    """Draws commits, children first."""

    def __init__(self) -> None:
        self._lanes: list[str] = []

    def add(self, id: str, parents: Sequence[str]) -> GraphPart:
        """Draw the next commit; ``parents`` are those that will also be drawn, first parent first."""
        if id not in self._lanes:
            self._lanes.append(id)
        column = self._lanes.index(id)
        head = _drawn({2 * lane: "|" for lane in range(len(self._lanes))} | {2 * column: "*"})
        edges = [self._to_parent(column, parent) for parent in reversed(parents[1:])]
        if not parents:
            edges.append(self._end(column))
        elif parents[0] in self._lanes:
            edges.append(self._join(column, self._lanes.index(parents[0])))
        else:
            self._lanes[column] = parents[0]
        rest = _drawn({2 * lane: "|" for lane in range(len(self._lanes))})
        return GraphPart(head, tuple(edge for edge in edges if edge), rest)

    def _to_parent(self, column: int, parent: str) -> str:
        """A line from a merge to a further parent: into its lane, or opening one to the right."""
        if parent not in self._lanes:
            line = self._past(column, 0) | {2 * column + 1: "\\"}
            line |= {2 * lane + 1: "\\" for lane in range(column + 1, len(self._lanes))}
            self._lanes.insert(column + 1, parent)
            return _drawn(line)
        target = self._lanes.index(parent)
        line = {2 * lane: "|" for lane in range(len(self._lanes))}
        if target > column:
            below = range(2 * column + 3, 2 * target, 2)
            return _drawn(line | {2 * column + 1: "\\"} | dict.fromkeys(below, "_"))
        below = range(2 * target + 1, 2 * column - 2, 2)
        return _drawn(line | {2 * column - 1: "/"} | dict.fromkeys(below, "_"))

    def _join(self, column: int, other: int) -> str:
        """Two lanes lead to one commit: the right one joins the left one, those beyond move up."""
        left, right = min(column, other), max(column, other)
        line = self._past(right - 1, 0) | self._moving(right)
        line |= dict.fromkeys(range(2 * left + 1, 2 * right - 2, 2), "_")
        line[2 * right - 1] = "/"
        self._lanes[left] = self._lanes[other]
        del self._lanes[right]
        return _drawn(line)

    def _end(self, column: int) -> str:
        """A lane ends at a commit without parents; those beyond move up."""
        line = self._past(column - 1, 0) | self._moving(column)
        del self._lanes[column]
        return _drawn(line) if column < len(self._lanes) else ""

    def _past(self, last: int, first: int) -> dict[int, str]:
        return {2 * lane: "|" for lane in range(first, last + 1)}

    def _moving(self, gone: int) -> dict[int, str]:
        return {2 * lane - 1: "/" for lane in range(gone + 1, len(self._lanes))}


def _drawn(places: dict[int, str]) -> str:
    return "".join(places.get(at, " ") for at in range(max(places, default=-1) + 1))
