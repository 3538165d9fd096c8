"""Behind which row of the other side a new row of one side belongs."""

from __future__ import annotations

from promptvc.content.tablemerge.partners import Partners
from promptvc.content.tablemerge.versions import OURS, THEIRS, Versions


class Positions:
    """The places of the new rows of both sides; those that were found are kept."""

    def __init__(self, versions: Versions, partners: Partners) -> None:
        self._versions, self._partners = versions, partners
        self._found: dict[tuple[int, int], int] = {}

    def alone(self, side: int) -> list[int]:
        """The new rows of one side that the other has not, rising."""
        shared = self._partners.of(side)
        return [number for number in self._versions.new_rows(side) if number not in shared]

    def behind(self, side: int, number: int) -> int:
        """Behind which row of the other side a row of this side belongs; -1 for its beginning.

        That of the row in front of it, as far back as there is one on both sides. Where both put in rows at one
        place, those of ours come first. Asked for in rising order, each costs little.
        """
        if (side, number) not in self._found:
            if self._is_alone(side, number - 1):
                place = self.behind(side, number - 1)
            else:
                place = self._image_before(side, number)
                place = self._behind_new(place) if side == THEIRS else place
            self._found[side, number] = place
        return self._found[side, number]

    def _is_alone(self, side: int, number: int) -> bool:
        """Whether a row is new on this side, and not on the other."""
        pairs = self._versions.pairs(side)
        return (
            number in pairs.new.bodies
            and number not in self._partners.of(side)
            and pairs.before(number) is None
        )

    def _image_before(self, side: int, number: int) -> int:
        images = (self._image(side, before) for before in range(number - 1, -1, -1))
        return next((image for image in images if image is not None), -1)

    def _image(self, side: int, number: int) -> int | None:
        """The row of the other side that a row of this side is."""
        if number in self._partners.of(side):
            return self._partners.of(side)[number]
        base = self._versions.pairs(side).before(number)
        return None if base is None else self._versions.pairs(THEIRS if side == OURS else OURS).after(base)

    def _behind_new(self, place: int) -> int:
        while self._is_alone(OURS, place + 1):
            place += 1
        return place
