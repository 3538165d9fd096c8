"""Trust: whether code that promptvc.toml names may run in this store.

Data from elsewhere could name any function or program, or an address to send the key to. So the user is asked
once for each declaration that can run code, with the files of the project that it names, and again when others
change those files. What was written here needs no approval; `session.files.origins` knows what was.
"""

from __future__ import annotations

import ast
import os
import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from importlib.machinery import all_suffixes
from importlib.util import cache_from_source
from itertools import islice
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from promptvc.content.runs.spec import RunSpec
from promptvc.errors import NotTrusted
from promptvc.runs.providers.openai import is_loopback
from promptvc.runs.providers.python import guarded
from promptvc.runs.providers.registry import runs_code
from promptvc.secrets.redact import redact_url
from promptvc.session.files.origins import Origins, address_text
from promptvc.session.files.trustfile import TrustRecord

_REVOKED = "its trust was revoked"
_CAME = "it came from elsewhere"
_UNKNOWN = "nothing says where files are from"
FOLLOWED = 1_000
"""Most modules of the project to follow from the named one."""


class Declaration(Struct, frozen=True):
    """What may run: ``python:my_model:answer``, and its files in the project."""

    text: str
    files: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """The text without a password."""
        return (
            address_text(redact_url(self.text[9:])) if self.text.startswith(address_text("")) else self.text
        )


class Standing(Struct, frozen=True):
    """A declaration, and why it may not run, in words; None if it may."""

    declaration: Declaration
    why: str | None = None


Confirm = Callable[[Sequence[Standing]], bool]
"""Asks the user whether these may run."""


class Trust:
    """What may run in a project. ``confirm`` asks the user, if there is one to ask."""

    def __init__(self, origins: Origins, confirm: Confirm | None = None) -> None:
        self._origins, self._confirm = origins, confirm

    def standings(self, texts: Iterable[str]) -> list[Standing]:
        """Whether each of these declarations may run."""
        record = self._origins.record()
        return [self._standing(text, record) for text in dict.fromkeys(texts)]

    def allows(self, texts: Iterable[str]) -> bool:
        """Whether all of them may run, without asking the user."""
        return all(each.why is None for each in self.standings(texts))

    def need(self, texts: Iterable[str], later: Iterable[str] = ()) -> None:
        """Raise `NotTrusted` unless all of them may run. If the user approves them now, that is remembered.

        The user is asked at the same time about what may be needed ``later``.
        """
        found = self.standings(texts)
        strange = _strange(found)
        if strange:
            found = self.standings([*(each.declaration.text for each in found), *later])
            if not self._may_ask(_strange(found)):
                raise NotTrusted(strange[0].declaration.shown, strange[0].why or "")
        self._remember([each.declaration for each in found], approved=bool(strange))

    @property
    def is_revoked(self) -> bool:
        """Whether nothing may run."""
        return self._origins.record().state == "revoked"

    def approve(self, texts: Iterable[str]) -> None:
        """Let these run, as they are now, with the modules of the project that an import may find."""
        declarations = [each.declaration for each in self.standings(texts)]
        if self._origins.root is not None and any(each.text.startswith("python:") for each in declarations):
            declarations.append(Declaration("", tuple(importable(self._origins.root))))
        self._remember(declarations, approved=True)

    def guarding(self) -> AbstractContextManager[None]:
        """A block in which imports raise `NotTrusted` rather than read a module of the project from elsewhere.

        Imports of an installed package may find a module of the project too, where nobody would expect it.
        """
        return guarded(self._origins.root, self._need_module)

    def revoke(self) -> None:
        """Let nothing run any more, not even what was written here."""
        self._begin_anew()
        self._origins.file.change(lambda known: replace(known, state="revoked", here=frozenset()))

    # --- details ------------------------------------------------------------------------------------------

    def _need_module(self, path: str) -> None:
        found = Standing(Declaration(path, (path,)), _CAME)
        if not self._origins.strange_files([path], self._origins.record()):
            return
        if not self._may_ask([found]):
            raise NotTrusted(path, _CAME)
        self._remember([Declaration("", (path,))], approved=True)

    def _may_ask(self, strange: Sequence[Standing]) -> bool:
        record = self._origins.record()
        return record.state != "revoked" and self._confirm is not None and self._confirm(strange)

    def _standing(self, text: str, record: TrustRecord) -> Standing:
        root = self._origins.root
        declaration = Declaration(text, tuple(files_of(text, root)) if root is not None else ())
        return Standing(declaration, self._why(declaration, record))

    def _why(self, declaration: Declaration, record: TrustRecord) -> str | None:
        if record.state == "revoked":
            return _REVOKED
        if not self._origins.is_text_here(declaration.text, record):
            return _UNKNOWN if record.state == "unknown" else _CAME
        strange = self._origins.strange_files(declaration.files, record)
        return f"{strange[0]} came from elsewhere" if strange else None

    def _remember(self, declarations: Sequence[Declaration], *, approved: bool) -> None:
        if not declarations and not approved:
            return
        if approved:
            self._begin_anew()
        texts = [each.text for each in declarations if each.text]
        digests = frozenset(
            self._origins.known(texts, dict.fromkeys(f for d in declarations for f in d.files))
        )
        self._origins.file.change(
            lambda known: replace(known, state="made" if approved else known.state, here=known.here | digests)
        )

    def _begin_anew(self) -> None:
        """Start a record in a store without one for this folder: everything there came from elsewhere."""
        if self._origins.record().state in ("unknown", "yes"):
            self._origins.begin()


def _strange(standings: Iterable[Standing]) -> list[Standing]:
    return [each for each in standings if each.why is not None]


def what_needs_trust(spec: RunSpec) -> list[str]:
    """What a run names that needs trust: ``["python:my_model:answer", "python:my_scorers:helpful"]``.

    An unknown provider needs it too. Loopback addresses, OpenAI's own and that of the environment need none.
    """
    found = [spec.provider] if runs_code(spec.provider) else []
    if spec.base_url and not is_loopback(spec.base_url):
        found.append(address_text(spec.base_url))
    return found + what_scores(spec)


def what_scores(spec: RunSpec) -> list[str]:
    """The functions among the scorers of a run."""
    return [scorer.text for scorer in spec.scorers if scorer.is_function]


# --- the files of the project that a declaration runs ---------------------------------------------------------


def files_of(text: str, root: Path) -> list[str]:
    """The files in the project ``root`` that a declaration would run, as far as it and they name them."""
    kind, _, rest = text.partition(":")
    if kind == "python":
        return list(_modules(rest.partition(":")[0], root))
    return list(_programs(rest, root)) if kind == "command" else []


def _programs(command: str, root: Path) -> Iterator[str]:
    """The words of a command that are files of the project: ``python tool.py`` runs tool.py."""
    try:
        words = shlex.split(command)
    except ValueError:
        return
    for word in dict.fromkeys(words):
        path = _inside(root / word, root) if "\0" not in word else None
        if path is not None:
            yield path


def _modules(name: str, root: Path) -> Iterator[str]:
    """The files of a module, of its parent packages, and of the project's modules that they import."""
    todo, seen = [name], set[str]()
    while todo and len(seen) < FOLLOWED:
        parts = todo.pop().split(".")
        for count in range(1, len(parts) + 1):
            for path in _module_files(parts[:count], root):
                if path not in seen:
                    seen.add(path)
                    yield path
                    is_package = Path(path).name.startswith("__init__.")
                    todo += _imported(root / path, parts[:count] if is_package else parts[: count - 1])


def _module_files(parts: Sequence[str], root: Path) -> list[str]:
    """All files that Python may read for ``pkg.part``, compiled ones too: Python runs whichever it finds first."""
    if not all(part.isidentifier() for part in parts):
        return []
    place = root.joinpath(*parts)
    stems = (place, place / "__init__")
    files = [stem.with_name(stem.name + suffix) for stem in stems for suffix in all_suffixes()]
    files += [Path(cache_from_source(file)) for file in files if file.suffix == ".py"]
    return [found for file in files if (found := _inside(file, root)) is not None]


def importable(root: Path) -> list[str]:
    """The files of all top-level modules and packages of the project: any import may find them."""
    try:
        names = sorted({entry.name.partition(".")[0] for entry in os.scandir(root)})
    except OSError:
        return []
    return list(islice((path for name in names for path in _module_files([name], root)), FOLLOWED))


def _imported(file: Path, package: Sequence[str]) -> list[str]:
    """The modules that a file imports, by their full names; empty if it is not Python."""
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, ValueError, SyntaxError, RecursionError, MemoryError):
        return []
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = list(package[: len(package) - node.level + 1]) if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            found += [module, *(f"{module}.{alias.name}".lstrip(".") for alias in node.names)]
    return [name for name in found if name]


def _inside(path: Path, root: Path) -> str | None:
    """A file as a path in the project; None if it does not exist or lies outside."""
    try:
        if not path.is_file():
            return None
        normal = Path(os.path.normpath(path))
        return normal.relative_to(root).as_posix() if normal.is_relative_to(root) else None
    except (OSError, ValueError):
        return None
