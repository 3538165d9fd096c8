"""The tags of a repository: list, create, delete."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from promptvc.errors import Advice, StoreExists
from promptvc.ids import ObjectId, RefName
from promptvc.repo.parts import Parts
from promptvc.storage.objects import Kind, TagObject, encode_tag
from promptvc.versioning.commit import peel


class Tag(Struct, frozen=True):
    """A tag: its name and its commit.

    ``object`` is the commit too, or for an annotated tag the object with its ``message``.
    """

    name: str
    id: ObjectId
    object: ObjectId
    message: str | None = None


class Tags:
    """The tags, by name: ``len``, ``in``, ``tags["v1"]``; iterating gives each `Tag`, sorted by name."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def __iter__(self) -> Iterator[Tag]:
        return iter([self._tag(ref, id) for ref, id in self._parts.refs.find("refs/tags/").items()])

    def __len__(self) -> int:
        return len(self._parts.refs.find("refs/tags/"))

    def __contains__(self, name: object) -> bool:
        return any(ref.short == name for ref in self._parts.refs.find("refs/tags/"))

    def __getitem__(self, name: str) -> Tag:
        """A tag; raises `UnknownRevision`, `InvalidName`."""
        return self._tag(*self._known(name))

    def __repr__(self) -> str:
        return f"Tags {', '.join(tag.name for tag in self)}".rstrip()

    def create(self, name: str, at: str = "HEAD", message: str | None = None, *, force: bool = False) -> Tag:
        """Put a tag on a revision, an annotated one if a message is given; ``force`` moves an existing one.

        Raises `StoreExists` if it exists, `UnknownRevision`, `InvalidName`, `AuthorUnknown` with a message.
        """
        parts, ref = self._parts, RefName.tag(name)
        target, before = parts.revisions.resolve(at), parts.refs.read(ref)
        if before and not force:
            raise StoreExists(f"a tag {name} exists already", Advice("tag-exists", tag=name))
        id = self._annotated(name, target, message) if message else target
        with parts.oplog.operation(f"tag {name}"):
            parts.refs.move(ref, before, id, parts.who(), "tag")
        return Tag(name, target, id, message or None)

    def delete(self, name: str) -> ObjectId:
        """Delete a tag; returns its object, so that it can be created again. Raises `UnknownRevision`."""
        parts = self._parts
        ref, id = self._known(name)
        with parts.oplog.operation(f"tag -d {name}"):
            parts.refs.move(ref, id, None, parts.who(), "tag: deleted")
        return id

    # --- details ------------------------------------------------------------------------------------------------

    def _known(self, name: str) -> tuple[RefName, ObjectId]:
        ref = RefName.tag(name)
        return ref, self._parts.refs.need(ref)

    def _annotated(self, name: str, target: ObjectId, message: str) -> ObjectId:
        parts = self._parts
        with parts.store.begin() as writer:
            tag = TagObject(target, Kind.COMMIT, name, parts.committer(), message)
            id = writer.add(Kind.TAG, encode_tag(tag))
            writer.finish()
        return id

    def _tag(self, ref: RefName, id: ObjectId) -> Tag:
        commit = peel(self._parts.store, id)
        message = self._parts.store.load_tag(id).message if id != commit else None
        return Tag(ref.short, commit, id, message)
