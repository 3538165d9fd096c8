"""The changes of a table, each made when it is asked for."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar, overload

Place = tuple[int, int]
"""The numbers of a row before and after, with `ABSENT`."""
ABSENT = -1

T = TypeVar("T")


class Lazy(Sequence[T], Generic[T]):
    """``make`` of each place: as a tuple of them, without holding them. Each use makes it again."""

    def __init__(self, places: Sequence[Place], make: Callable[[Place], T]) -> None:
        self._before = array("q", [before for before, _ in places])
        self._after = array("q", [after for _, after in places])
        self._make = make

    def __len__(self) -> int:
        return len(self._after)

    @overload
    def __getitem__(self, at: int) -> T: ...

    @overload
    def __getitem__(self, at: slice) -> tuple[T, ...]: ...

    def __getitem__(self, at: int | slice) -> T | tuple[T, ...]:
        if isinstance(at, slice):
            places = zip(self._before[at], self._after[at], strict=True)
            return tuple(map(self._make, places))
        return self._make((self._before[at], self._after[at]))

    def __iter__(self) -> Iterator[T]:
        return map(self._make, zip(self._before, self._after, strict=True))

    def __eq__(self, other: Any) -> bool:
        if not isinstance(other, Lazy | tuple):
            return NotImplemented
        return len(self) == len(other) and all(one == two for one, two in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]  # rows are dicts

    def __repr__(self) -> str:
        return f"<{len(self):,} changes>"
