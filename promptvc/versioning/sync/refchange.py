"""What became of a ref in a fetch or a push."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from promptvc.ids import ObjectId, RefName

Outcome = Literal["new", "forward", "forced", "deleted", "same", "refused"]


class RefChange(Struct, frozen=True):
    """One ref: its name at the remote and here, its value before and after, and why it was refused if it was.

    After a fetch the values are those of our ref, after a push those of the remote's; a refused change keeps in
    ``after`` what was asked for. A push of a branch that nothing here follows has no ``here``.
    """

    there: RefName
    here: RefName | None
    before: ObjectId | None
    after: ObjectId | None
    outcome: Outcome
    reason: str = ""
