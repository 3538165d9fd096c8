"""The port that a remote implements, and the values that pass through it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from typing import Literal, Protocol

from msgspec import Struct, field

from promptvc.ids import ObjectId, RefName


class RemoteRefs(Struct, frozen=True):
    """What a remote has: its refs, the branch its HEAD names, and what its annotated tags come to.

    ``head`` may name a branch without commits. ``peeled`` holds only annotated tags, and only after
    `Remote.list_refs` and `Remote.fetch`.
    """

    refs: Mapping[RefName, ObjectId]
    head: RefName | None = None
    peeled: Mapping[RefName, ObjectId] = field(default_factory=dict)


class Progress(Struct, frozen=True):
    """How far a transfer is; ``total`` is None where it is not known.

    ``phase`` is a few words in lower case ("counting objects", "receiving"). With the phase "remote", ``text`` is a
    line that the server says to people, for instance from a hook.
    """

    phase: str
    done: int = 0
    total: int | None = None
    unit: Literal["objects", "bytes"] = "objects"
    text: str = ""


class PackedObject(Protocol):
    """One whole object on its way: compressed as it lies in a pack, to be copied as it is."""

    @property
    def kind(self) -> int:
        """Its type number: 1 to 4, never a delta (gitformat-pack(5))."""

    @property
    def size(self) -> int:
        """How many bytes it has when inflated."""

    @property
    def id(self) -> ObjectId:
        """Its name."""

    @property
    def compressed(self) -> bytes:
        """Its zlib stream, without the header that stands before it in a pack."""


class PackStream(Struct, frozen=True):
    """The objects of a pack to send, and how many there are."""

    count: int
    objects: Iterator[PackedObject]


class Negotiator(Protocol):
    """Informs a server which commits we have, best guesses first."""

    def next(self) -> ObjectId | None:
        """The next commit to offer, or None when there is no more to say."""

    def ack(self, id: ObjectId) -> None:
        """The server has this commit, and so all its ancestors."""


Update = tuple[ObjectId | None, ObjectId | None]
"""(the value the remote's ref is expected to have, the value it shall have); None means absent."""

Choose = Callable[[RemoteRefs], Sequence[ObjectId]]
Updates = Callable[[RemoteRefs], Mapping[RefName, Update]]
MakePack = Callable[[Set[ObjectId], Set[ObjectId]], PackStream]


class Remote(Protocol):
    """Another repository.

    Every failure to reach or use it is a `TransferFailed` (or its kind `AuthFailed`), or `PushRejected`; errors that
    the functions handed in raise come out as they are.
    """

    @property
    def url(self) -> str:
        """Where it is, for people: without passwords."""

    @property
    def messages(self) -> Sequence[str]:
        """What the server said to people during the last operation, hooks included, line by line."""

    def list_refs(self) -> RemoteRefs:
        """What the remote has."""

    def fetch(self, choose: Choose, negotiator: Negotiator, write: Callable[[bytes], None]) -> RemoteRefs:
        """Receive a pack holding the chosen objects and their history, but what the negotiator has.

        The pack is written as it comes, and is complete in itself: no delta has its base elsewhere. Nothing is
        written when nothing is chosen.
        """

    def send(self, updates: Updates, pack: MakePack, *, atomic: bool = False) -> dict[RefName, str | None]:
        """Send objects, then move refs by compare-and-swap; for each ref, None or the remote's reason to refuse.

        ``pack`` is called with the ids the remote has and the ids it shall get, and only when there is something to
        add. A ref that does not have its expected value is refused without being sent. With ``atomic``, all or none.
        """
