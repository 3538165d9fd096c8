"""Origins: whether code, and what promptvc.toml declares of it, was written here or came from elsewhere.

What the user writes after the store was made is from here. What lay there before, what any commit or other object in
the store or in the code repository around brought, and what promptvc itself wrote into working files is not, unless it
was made or approved here before. Where nothing can be known, it is from elsewhere.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from promptvc.errors import PromptvcError
from promptvc.ids import ObjectId, RefName
from promptvc.session.code import came_by_code
from promptvc.session.files.project import PROJECT_FILE
from promptvc.session.files.trustfile import TrustFile, TrustRecord
from promptvc.storage.objects import EXECUTABLE, Kind, object_id
from promptvc.storage.refs import HEAD, Refs
from promptvc.storage.store import ObjectStore
from promptvc.versioning.history import History
from promptvc.versioning.tree import FileEntry, find_file

_DATA = (".jsonl", ".ndjson", ".csv", ".tsv", ".json", ".md", ".txt", ".prompt", ".yaml", ".yml", ".parquet")
_DATA_FOLDERS = ("prompts/", "examples/", "outputs/")
_SCRIPTS = (".py", ".sh", ".js", ".mjs", ".ts", ".rb", ".pl")
_NOT_SURVEYED = frozenset(("node_modules", "__pycache__", "site-packages"))
LARGEST = 256 << 20
"""Bytes of the largest file that may run: larger ones count as code from elsewhere that nobody can approve."""
SURVEYED, SURVEYED_BYTES = 10_000, 256 << 20
"""How many files that may be code are looked at when a store is made, and how many bytes of them."""


class Origins:
    """What is from here in the project ``root`` of a store. ``identify(path, data)`` gives the id that a file has."""

    def __init__(
        self,
        folder: Path,
        root: Path | None,
        store: ObjectStore,
        refs: Refs,
        identify: Callable[[str, bytes], ObjectId],
    ) -> None:
        self.file, self.root = TrustFile(folder), root
        self._store, self._refs, self._identify = store, refs, identify

    # --- asking -------------------------------------------------------------------------------------------

    def record(self) -> TrustRecord:
        """What is known of the store."""
        return self.file.load()

    def strange_files(self, paths: Iterable[str], record: TrustRecord) -> list[str]:
        """Those of the project's files that are not from here."""
        return [path for path in paths if not self._is_file_here(path, record)]

    def is_text_here(self, text: str, record: TrustRecord) -> bool:
        """Whether what promptvc.toml declares, ``python:my_model:answer``, is from here."""
        digest = text_digest(text)
        if digest in record.here:
            return True
        if record.state != "made" or digest in record.elsewhere or self.root is None:
            return record.state == "yes" and self._lay_there(PROJECT_FILE, record)
        data = _read(self.root / PROJECT_FILE)
        if data is None or text not in declared_texts(data):
            return False  # a record of outputs names it, which any commit may have brought
        return not self._came(data, text)

    def known(self, texts: Iterable[str], paths: Iterable[str]) -> list[str]:
        """The digests of these declarations and files."""
        kept = (path for path in paths if not (_is_cached(path) and self._is_new(path)))
        return [*map(text_digest, texts), *(each for path in kept for each in self._file_digests(path) or ())]

    def begin(self) -> None:
        """Say that the store is made here, and that what lies in the project came from elsewhere."""
        begin(self.file, self.root, self._identify)

    # --- remembering --------------------------------------------------------------------------------------

    def taking(self, path: str, mode: int, data: bytes | None = None) -> None:
        """A file of the user's is about to be stored for the first time: remember it where it is from here."""
        if (self.root is None and data is None) or not may_be_code(path, mode):
            return
        record = self.record()
        if record.state != "made":
            return
        given = data is not None
        if data is None:
            data = _read(self.root / path) if self.root is not None else None
        if data is None:
            return
        here = [] if self._store.contains(id := self._identify(path, data)) else [file_digest(id)]
        if path == PROJECT_FILE:
            here = [
                text_digest(text) for text in declared_texts(data) if not self._is_known(text, data, record)
            ]
        elif not given and not self._is_file_here(path, record):
            return
        self._add(record, here=here)

    def wrote(self, path: str, entry: FileEntry, read: Callable[[], bytes]) -> None:
        """Promptvc is about to write a file of the store into the project: what it brings is from elsewhere."""
        if not may_be_code(path, entry.mode):
            return
        brought = [file_digest(entry.id)]
        if path == PROJECT_FILE:
            brought = list(map(text_digest, declared_texts(read())))
        record = self.record()
        self._add(record, elsewhere=[digest for digest in brought if digest not in record.here])

    def merged(
        self, path: str, result: FileEntry, sides: Iterable[FileEntry], read: Callable[[FileEntry], bytes]
    ) -> None:
        """A file was merged of these sides: it is from here where both are."""
        if not may_be_code(path, result.mode):
            return
        record = self.record()
        digests = self._entry_digests(path, read)
        if all(digest in record.here for side in sides for digest in digests(side)):
            self._add(record, here=digests(result))

    # --- details ------------------------------------------------------------------------------------------

    def _entry_digests(
        self, path: str, read: Callable[[FileEntry], bytes]
    ) -> Callable[[FileEntry], list[str]]:
        if path == PROJECT_FILE:
            return lambda entry: list(map(text_digest, declared_texts(read(entry))))
        return lambda entry: [file_digest(entry.id)]

    def _add(self, record: TrustRecord, here: Iterable[str] = (), elsewhere: Iterable[str] = ()) -> None:
        made, other = set(here) - record.here, set(elsewhere) - record.elsewhere
        if record.state == "made" and (made or other):
            self.file.add(made, other)

    def _is_known(self, text: str, data: bytes, record: TrustRecord) -> bool:
        """Whether nothing new is to be said of a declaration in a promptvc.toml that is about to be stored."""
        digest = text_digest(text)
        return digest in record.here or digest in record.elsewhere or self._came(data, text)

    def _is_file_here(self, path: str, record: TrustRecord) -> bool:
        digests = self._file_digests(path)
        if digests is None:
            return False
        if all(digest in record.here for digest in digests):
            return True
        if record.state == "yes":
            return self._lay_there(path, record)
        if record.state != "made" or any(digest in record.elsewhere for digest in digests):
            return False
        if _is_cached(path):  # Python writes those itself, and anew when the source changes
            return self._is_new(path)
        new = [digest for digest in digests if digest not in record.here]
        return not (self._has_any(new) or self._lay_there(path, record) or self._came_by_code(path))

    def _is_new(self, path: str) -> bool:
        """Whether no object of the store holds this file."""
        return not self._has_any(self._file_digests(path) or ())

    def _has_any(self, digests: Iterable[str]) -> bool:
        try:
            return any(self._store.contains(ObjectId(digest[2:])) for digest in digests)
        except PromptvcError:
            return True  # an object may be there that cannot be found

    def _file_digests(self, path: str) -> list[str] | None:
        """The digests of a file, and of the links on the way to it; None for one that cannot be read."""
        assert self.root is not None
        try:
            links = [os.fsencode((self.root / each).readlink()) for each in _links(self.root, path)]
        except OSError:
            return None
        data = _read(self.root / path)
        if data is None:
            return None
        return [
            file_digest(self._identify(path, data)),
            *(file_digest(object_id(Kind.BLOB, link)) for link in links),
        ]

    def _lay_there(self, path: str, record: TrustRecord) -> bool:
        """Whether a file is as it was when the store was made, or the old ``yes`` said: the system sets those times."""
        assert self.root is not None
        try:
            info = (self.root / path).stat()
        except OSError:
            return False
        times = [info.st_ctime_ns, info.st_mtime_ns] if record.crowded else [info.st_ctime_ns]
        return min(times) < record.began

    def _came_by_code(self, path: str) -> bool:
        assert self.root is not None
        data = _read(self.root / path)
        return data is None or came_by_code(self.root, path, lambda found: found == data)

    def _came(self, data: bytes, text: str) -> bool:
        """Whether a declaration stands in a promptvc.toml that a commit brought, here or in the code around."""
        assert self.root is not None or data
        try:
            if self._store.contains(object_id(Kind.BLOB, data)) or text in self._stored_texts:
                return True
        except PromptvcError:
            return True
        return self.root is not None and came_by_code(
            self.root, PROJECT_FILE, lambda found: text in declared_texts(found)
        )

    @cached_property
    def _stored_texts(self) -> frozenset[str]:
        """What the promptvc.toml of all commits declares that any ref, or git's FETCH_HEAD, leads to."""
        found: set[ObjectId] = set()
        for id in History(self._store).ancestors(self._tips()):
            entry = find_file(self._store, self._store.load_commit(id).tree, PROJECT_FILE)
            if entry is not None and not entry.is_rope:
                found.add(entry.id)
        return frozenset(text for id in found for text in declared_texts(self._store.read_blob(id)))

    def _tips(self) -> Iterator[ObjectId]:
        from promptvc.versioning.commit import find_commit

        names = {RefName(name): id for name, id in self._refs.find().items()}
        here = self._refs.read(HEAD)
        ids = {*names.values(), *([here] if here else []), *_fetched(self._refs.folder)}
        for id in ids:
            commit = find_commit(self._store, id) if self._store.contains(id) else None
            if commit is not None:
                yield commit


def _is_cached(path: str) -> bool:
    return "__pycache__" in path.split("/")


def may_be_code(path: str, mode: int) -> bool:
    """Whether a tracked file may be code, or declare some; tables, prompts and texts are none."""
    if path == PROJECT_FILE or mode == EXECUTABLE or path.endswith(_SCRIPTS):
        return True
    return not path.startswith(_DATA_FOLDERS) and not path.lower().endswith(_DATA)


def declared_texts(data: bytes) -> frozenset[str]:
    """What a promptvc.toml declares that may run code: providers, addresses, functions that score.

    Nothing of one that cannot be read, which no command runs.
    """
    if b"runs" not in data:
        return frozenset()
    import tomllib

    from promptvc.content.runs.spec import ScorerSpec  # most commands ask for none

    try:
        runs = tomllib.loads(data.decode("utf-8-sig")).get("runs")
    except (ValueError, RecursionError):
        return frozenset()
    found: set[str] = set()
    for run in runs.values() if isinstance(runs, dict) else ():
        if not isinstance(run, dict):
            continue
        if isinstance(provider := run.get("provider"), str):
            found.add(provider)
        if isinstance(address := run.get("base_url"), str):
            found.add(address_text(address))
        scorers = run.get("scorers")
        texts = [each for each in scorers if isinstance(each, str)] if isinstance(scorers, list) else []
        found.update(scorer.text for scorer in map(ScorerSpec.parse, texts) if scorer.is_function)
    return frozenset(found)


def address_text(address: str) -> str:
    """How the declaration of a ``base_url`` is written."""
    return f"base_url {address}"


def plain_id(path: str, data: bytes) -> ObjectId:
    """The id of a file that is no table; one that is a table is another object in the store."""
    return object_id(Kind.BLOB, data)


def text_digest(text: str) -> str:
    """What stands for a declaration in the file of trust."""
    return "d:" + sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def file_digest(id: ObjectId) -> str:
    """What stands for a file in it."""
    return f"f:{id}"


def begin(file: TrustFile, root: Path | None, identify: Callable[[str, bytes], ObjectId]) -> None:
    """Say that a store is made in a project, and that what lies there now came from elsewhere."""
    if root is None:
        file.begin()
        return
    found: list[str] = []
    crowded, size = False, 0
    for path, length in _survey(root):
        size += length
        if len(found) >= SURVEYED or size > SURVEYED_BYTES:
            crowded = True
            break
        data = _read(root / path)
        if data is not None:
            found.append(file_digest(identify(path, data)))
    project = _read(root / PROJECT_FILE)
    if project is not None:
        found += map(text_digest, declared_texts(project))
    file.begin(found, crowded=crowded)


def _survey(root: Path) -> Iterator[tuple[str, int]]:
    """The files below a project's folder that may be code, with their sizes; folders of tools are left out."""
    for folder, folders, names in os.walk(root):
        skipped = (name for name in folders if name.startswith(".") or name in _NOT_SURVEYED)
        for name in [*skipped, *(name for name in folders if Path(folder, name, "pyvenv.cfg").exists())]:
            if name in folders:
                folders.remove(name)
        for name in names:
            path = Path(folder, name)
            try:
                info = path.stat()
            except OSError:
                continue
            is_code = info.st_mode & stat.S_IXUSR or name.endswith(_SCRIPTS)
            if stat.S_ISREG(info.st_mode) and is_code and info.st_size <= LARGEST:
                yield path.relative_to(root).as_posix(), info.st_size


def _links(root: Path, path: str) -> Iterator[str]:
    """The links among a path and the folders above it."""
    parts = path.split("/")
    for count in range(1, len(parts) + 1):
        above = "/".join(parts[:count])
        if (root / above).is_symlink():
            yield above


def _read(path: Path) -> bytes | None:
    try:
        if not path.is_file() or path.stat().st_size > LARGEST:
            return None
        return path.read_bytes()
    except OSError:
        return None


def _fetched(folder: Path) -> list[ObjectId]:
    """The commits that git's FETCH_HEAD names."""
    try:
        lines = (folder / "FETCH_HEAD").read_text(errors="replace").split("\n")
    except OSError:
        return []
    return [ObjectId(line[:40]) for line in lines if len(line) > 40]
