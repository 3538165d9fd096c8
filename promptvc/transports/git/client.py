"""dulwich's git clients, over our own wires and with our own packs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set
from typing import IO, Any

from dulwich.client import GitClient, TraditionalGitClient
from dulwich.object_format import SHA1
from dulwich.objects import ObjectID as Sha
from dulwich.pack import REF_DELTA, UnpackedObject, pack_object_header
from dulwich.protocol import Protocol

from promptvc.errors import InvalidName, TransferFailed
from promptvc.ids import ObjectId, RefName
from promptvc.patterns import compiled
from promptvc.transports.git.intake import Intake
from promptvc.transports.git.wire import Wire
from promptvc.transports.progress import Meter
from promptvc.transports.remote import MakePack, Negotiator, PackedObject, Progress, RemoteRefs

ZERO = b"0" * 40
MAX_HAVES = 256
"""How many commits in a row to offer while the server knows none (git's MAX_IN_VAIN)."""

_PEELED = compiled(rb"[0-9a-f]{40} (refs/\S+) (?:\S+ )*peeled:([0-9a-f]{40})\s*\Z")
_UPLOAD_PACK, _RECEIVE_PACK = b"upload-pack", b"receive-pack"


class NotesThin(GitClient):
    """Notes whether a server takes packs with deltas on what it has (gitprotocol-capabilities(5), no-thin)."""

    takes_thin = True

    def _negotiate_receive_pack_capabilities(
        self, server_capabilities: set[bytes]
    ) -> tuple[set[bytes], bytes | None]:
        self.takes_thin = b"no-thin" not in server_capabilities
        return super()._negotiate_receive_pack_capabilities(server_capabilities)


class WireClient(NotesThin, TraditionalGitClient):
    """git's protocol over a wire that ``dial(service, protocol version)`` opens.

    The caller closes the wire. ``peeled`` collects the peeled ids of annotated tags in protocol version 2, which
    dulwich reads and drops.
    """

    def __init__(
        self,
        dial: Callable[[str, int], Wire],
        greeting: Callable[[str, int], bytes] | None,
        intake: Intake,
    ) -> None:
        super().__init__(thin_packs=False)
        self._dial, self._greeting, self._intake = dial, greeting, intake
        self.peeled: dict[bytes, bytes] = {}

    def _connect(
        self, cmd: bytes, path: str | bytes, protocol_version: int | None = None
    ) -> tuple[Protocol, Callable[[], bool], IO[bytes] | None]:
        service, version = cmd.decode(), 2 if cmd == _UPLOAD_PACK else 0
        self.protocol_version = version
        wire = self._dial(service, version)
        if self._greeting is not None:
            wire.write(self._greeting(service, version))
        return _NotingProtocol(wire, self.peeled, self._intake), wire.readable, None


class _NotingProtocol(Protocol):
    """A protocol that records the peeled ids in a version 2 listing."""

    def __init__(self, wire: Wire, peeled: dict[bytes, bytes], intake: Intake) -> None:
        def read(size: int) -> bytes:
            data = wire.read(size)
            intake.read(size, len(data))
            return data

        super().__init__(read, wire.write)
        self._peeled = peeled

    def read_pkt_line(self) -> bytes | None:
        line = super().read_pkt_line()
        if line and line[0] > 3:  # 1 to 3 are side bands: pack data, progress, errors
            match = _PEELED.match(line)
            if match:
                self._peeled[match.group(1)] = match.group(2)
        return line


class Walker:
    """A negotiator for dulwich; it ends after `MAX_HAVES` commits that the server did not know.

    Otherwise we would send our whole history to a server of protocol version 2, which answers only once.
    """

    shallow: frozenset[Sha] = frozenset()

    def __init__(self, negotiator: Negotiator) -> None:
        self._negotiator = negotiator
        self._in_vain = 0

    def __next__(self) -> Sha | None:
        self._in_vain += 1
        have = self._negotiator.next() if self._in_vain <= MAX_HAVES else None
        return Sha(have.encode()) if have is not None else None

    next = __next__

    def ack(self, sha: Sha) -> None:
        """The server has this commit."""
        self._in_vain = 0
        self._negotiator.ack(ObjectId(sha.decode()))

    def nak(self) -> None:
        """The server knows none of them; nothing to do."""


def remote_refs(
    refs: Mapping[Any, Any], symrefs: Mapping[Any, Any], peeled: Mapping[bytes, bytes]
) -> RemoteRefs:
    """A listing as values; raises `TransferFailed` for a repository of SHA-256 objects.

    Names that are invalid in git are left out: a server must not choose where we write.
    """
    found: dict[RefName, ObjectId] = {}
    came_to: dict[RefName, ObjectId] = {}
    head_id = refs.get(b"HEAD")
    for raw, value in refs.items():
        if value is None:
            continue
        if len(value) != 40:
            raise TransferFailed(
                "the remote names its objects by SHA-256", "only repositories with SHA-1 can be read"
            )
        name = _ref_name(raw.removesuffix(b"^{}"))
        if name is not None:
            (came_to if raw.endswith(b"^{}") else found)[name] = ObjectId(value.decode("ascii"))
    for raw, value in peeled.items():
        name = _ref_name(raw)
        if name is not None:
            came_to[name] = ObjectId(value.decode("ascii"))
    head = _ref_name(symrefs.get(b"HEAD", b"")) or _guess_head(found, head_id)
    return RemoteRefs(found, head, came_to)


def _ref_name(raw: bytes) -> RefName | None:
    try:
        name = RefName.parse(raw.decode())
    except (InvalidName, UnicodeDecodeError):
        return None
    return None if name == "HEAD" else name


def _guess_head(refs: Mapping[RefName, ObjectId], head_id: bytes | None) -> RefName | None:
    """Old servers give the id of HEAD, but not its branch."""
    if head_id is None:
        return None
    fitting = [name for name, id in refs.items() if name.startswith("refs/heads/") and id.encode() == head_id]
    usual = [name for name in fitting if name.short in ("main", "master")]
    return next(iter(usual + fitting), None)


def pack_data(
    pack: MakePack, meter: Meter, takes_thin: Callable[[], bool] = lambda: False
) -> Callable[..., tuple[int, Iterator[UnpackedObject]]]:
    """``pack`` as dulwich's ``generate_pack_data`` callback; ``takes_thin`` says whether the server takes thin ones."""

    def generate(
        have: Set[bytes], want: Set[bytes], *, ofs_delta: bool = False, progress: object = None
    ) -> tuple[int, Iterator[UnpackedObject]]:
        if not want:
            return 0, iter(())
        stream = pack(_ids(have), _ids(want))
        objects = stream.thin if stream.thin is not None and takes_thin() else stream.objects
        return stream.count, _unpacked(stream.count, objects, meter)

    return generate


def _ids(raw: Set[bytes]) -> set[ObjectId]:
    return {ObjectId(id.decode("ascii")) for id in raw}


def _unpacked(count: int, objects: Iterator[PackedObject], meter: Meter) -> Iterator[UnpackedObject]:
    """Objects whose compressed bytes dulwich sends unchanged: they must start with the pack's object header."""
    for number, thing in enumerate(objects, 1):
        base = thing.base.raw if thing.base is not None else None
        kind = REF_DELTA if base is not None else thing.kind
        packed = UnpackedObject(kind, delta_base=base, decomp_len=thing.size, sha=thing.id.raw)
        packed.comp_chunks = [bytes(pack_object_header(kind, base, thing.size, SHA1)), thing.compressed]
        meter.show(Progress("sending", number, count))
        yield packed
