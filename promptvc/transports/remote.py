"""The port that a remote implements, and the values that pass through it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from typing import Literal, Protocol

from msgspec import Struct, field

from promptvc.ids import ObjectId, RefName


class RemoteRefs(Struct, frozen=True):
    """A remote's refs, the branch that its HEAD names, and the targets of its annotated tags.

    ``head`` may name a branch without commits. ``peeled`` holds only annotated tags, and only after
    `Remote.list_refs` and `Remote.fetch`.
    """

    refs: Mapping[RefName, ObjectId]
    head: RefName | None = None
    peeled: Mapping[RefName, ObjectId] = field(default_factory=dict)


class Progress(Struct, frozen=True):
    """The progress of a transfer; ``total`` is None if it is not known.

    ``phase`` is a few words in lower case ("counting objects", "receiving"). In the phase "remote", ``text`` is a line
    from the server for people, for instance from a hook.
    """

    phase: str
    done: int = 0
    total: int | None = None
    unit: Literal["objects", "bytes"] = "objects"
    text: str = ""


class PackedObject(Protocol):
    """One whole object in transfer: compressed as in a pack, to be copied unchanged."""

    @property
    def kind(self) -> int:
        """Its type number: 1 to 4, never a delta (gitformat-pack(5))."""

    @property
    def size(self) -> int:
        """Its inflated size in bytes."""

    @property
    def id(self) -> ObjectId:
        """Its object id."""

    @property
    def compressed(self) -> bytes:
        """Its zlib stream, without the pack header before it."""

    @property
    def base(self) -> ObjectId | None:
        """What the stream is a delta on: an object sent with it, or that the remote has; None for a whole object."""


class PackStream(Struct, frozen=True):
    """The objects of a pack to send, and how many there are.

    ``thin`` are the same with deltas on what the remote has; to be sent where the remote takes such packs.
    """

    count: int
    objects: Iterator[PackedObject]
    thin: Iterator[PackedObject] | None = None


class Negotiator(Protocol):
    """Tells a server which commits we have, best guesses first."""

    def next(self) -> ObjectId | None:
        """The next commit to offer, or None if there are no more."""

    def ack(self, id: ObjectId) -> None:
        """The server has this commit, and so all its ancestors."""


Update = tuple[ObjectId | None, ObjectId | None]
"""(expected value of the remote's ref, new value); None means absent."""

Choose = Callable[[RemoteRefs], Sequence[ObjectId]]
Updates = Callable[[RemoteRefs], Mapping[RefName, Update]]
MakePack = Callable[[Set[ObjectId], Set[ObjectId]], PackStream]


class Remote(Protocol):
    """Another repository.

    Every failure to reach or use it is a `TransferFailed` (or its subclass `AuthFailed`), or `PushRejected`; errors
    that passed-in functions raise are passed on.
    """

    @property
    def url(self) -> str:
        """Its address for people: without passwords."""

    @property
    def messages(self) -> Sequence[str]:
        """The server's messages for people during the last operation, including hooks, line by line."""

    def list_refs(self) -> RemoteRefs:
        """The refs of the remote."""

    def fetch(self, choose: Choose, negotiator: Negotiator, write: Callable[[bytes], None]) -> RemoteRefs:
        """Receive a pack with the chosen objects and their history, without what the negotiator has.

        The pack is written as it arrives, and is self-contained: all delta bases are in it. If nothing is chosen,
        nothing is written.
        """

    def send(self, updates: Updates, pack: MakePack, *, atomic: bool = False) -> dict[RefName, str | None]:
        """Send objects, then move refs by compare-and-swap; returns, by ref, None or the reason for a refusal.

        ``pack`` is called with the ids that the remote has and the ids that it should get, and only if there is
        something to add. A ref that does not have its expected value is refused without sending it. With ``atomic``,
        all or none.
        """
