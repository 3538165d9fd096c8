"""Every error that promptvc raises on purpose.

    PromptvcError
      Usage             the call itself is wrong               exit 2
      Refused           the state does not allow it            exit 3, nothing changed
      Negative          the answer is "no"                     exit 1

Each error owns its message (one line) and a stable ``kind`` for programs. What to do next is its ``hint``, or, where
that is a command, its ``advice``. What Python has a class for is that class too: a missing path is a
`FileNotFoundError`, a missing row a `KeyError`. Exit codes are in ``cli/exit_codes.py``, the words of advice in
``cli/hints.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from errno import EEXIST, ENOENT
from typing import Any


class Advice:
    """What to do next where that is a command: a stable name, and the facts that it speaks of.

    The library knows no commands: ``cli/hints.py`` has the words. ``Advice("undo-earlier", number=3)``.
    """

    __slots__ = ("facts", "name")

    def __init__(self, name: str, /, **facts: object) -> None:
        self.name, self.facts = name, facts

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Advice) and (self.name, self.facts) == (other.name, other.facts)

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"Advice({self.name!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _advice, (self.name, self.facts)


def _advice(name: str, facts: dict[str, object]) -> Advice:
    return Advice(name, **facts)


class PromptvcError(Exception):
    """The root of all errors that promptvc raises; ``str()`` is one line."""

    kind: str = "error"

    unsettled = False
    """Whether working files may be half written, and the next command on them finishes it or takes it back."""

    def __init__(self, message: str, hint: str | Advice | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint if isinstance(hint, str) else None
        self.advice = hint if isinstance(hint, Advice) else None

    def __str__(self) -> str:  # KeyError quotes its message, OSError puts a number in front of it
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:  # arguments of __init__ are those of each class, and not kept
        return _revive, (type(self), self.args, self._state())

    def _state(self) -> dict[str, Any]:
        """What an unpickled copy is given."""
        return dict(vars(self))


def _revive(cls: type[PromptvcError], args: tuple[Any, ...], state: dict[str, Any]) -> PromptvcError:
    made = cls.__new__(cls)
    made.args = args
    for name, value in state.items():
        setattr(made, name, value)
    return made


class Usage(PromptvcError):
    """The call itself is wrong: a bad argument, an unknown name."""

    kind = "usage"


class Refused(PromptvcError):
    """The state of things does not allow the operation; nothing was changed."""

    kind = "refused"


class Negative(PromptvcError):
    """The question was understood and its answer is no."""

    kind = "negative"


# --- where the store is, and what it is -------------------------------------------------------------


class NotAStore(Refused):
    """No store at this path or above it."""

    kind = "not-a-store"

    def __init__(self, path: object) -> None:
        super().__init__(f"{path}: not a promptvc store, nor is any folder above it", Advice("not-a-store"))
        self.path = path


class StoreExists(Refused, FileExistsError):
    """``init`` or ``clone`` would overwrite something."""

    kind = "store-exists"
    errno = EEXIST


class UnsupportedFormat(Refused):
    """The store, or a commit in it, was written in a newer format."""

    kind = "unsupported-format"

    def __init__(self, what: str, found: object, supported: int) -> None:
        super().__init__(
            f"{what} has format {found}; this promptvc reads formats up to {supported}",
            "install a newer promptvc",
        )
        self.found = found


class StoreReadOnly(Refused):
    """The store cannot be written: permissions or a read-only disk."""

    kind = "read-only"


class DiskFull(Refused):
    """No space left where the store or the working files are."""

    kind = "disk-full"


class DiskFailed(Refused):
    """The disk could not read or write, without being full or read-only."""

    kind = "disk-failed"


class StoreBusy(Refused):
    """A lock is held by another process and did not come free."""

    kind = "busy"


class ConfigInvalid(Refused):
    """``promptvc.toml`` or the store's configuration cannot be used as it is."""

    kind = "config-invalid"


# --- objects and refs ---------------------------------------------------------------------------------


class ObjectMissing(Refused):
    """An object that history needs is not in the store."""

    kind = "object-missing"

    def __init__(self, id: str) -> None:
        super().__init__(f"object {id} is missing from the store", Advice("object-missing"))
        self.id = id


class ObjectDamaged(Refused):
    """Stored bytes do not decode, or do not hash to their name."""

    kind = "object-damaged"


class RefDamaged(Refused):
    """A ref, HEAD or packed-refs cannot be read; ``last`` is the last good value that its reflog knows."""

    kind = "ref-damaged"

    def __init__(self, name: str, file: object, why: str, last: str | None = None) -> None:
        known = f"; its reflog last had {last[:7]}" if last else ""
        super().__init__(
            f"{file}: {name} {why}{known}" if str(name) != str(file) else f"{file} {why}{known}",
            Advice("ref-damaged"),
        )
        self.name, self.file, self.last = name, file, last


class LogDamaged(Refused):
    """A line of the operation log cannot be read, so that what was done is not known for sure."""

    kind = "log-damaged"

    def __init__(self, file: object, line: int) -> None:
        super().__init__(
            f"{file}: line {line} cannot be read",
            Advice("log-damaged"),
        )
        self.file, self.line = file, line


class RefMoved(Refused):
    """A ref no longer has the value that was expected: another writer was first."""

    kind = "ref-moved"

    def __init__(self, name: str, expected: str | None, found: str | None) -> None:
        super().__init__(f"{name} was moved by another process meanwhile", "look at it and try again")
        self.name, self.expected, self.found = name, expected, found


class InvalidName(Usage):
    """A branch, tag, remote or path name that git or another system cannot hold."""

    kind = "invalid-name"


class UnknownRevision(Usage, LookupError):
    """No commit is meant by this text."""

    kind = "unknown-revision"

    def __init__(self, text: str, near: Sequence[str] = ()) -> None:
        guess = f"did you mean {' or '.join(near)}?" if near else Advice("unknown-revision")
        super().__init__(f"unknown revision {_cut(text)!r}", guess)
        self.text = text


def _cut(text: str) -> str:
    """A text as a message has it: one that goes on and on is cut."""
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


_SHOWN = 200


class AmbiguousId(Usage, LookupError):
    """A short id that begins several objects."""

    kind = "ambiguous-id"

    def __init__(self, text: str, candidates: Sequence[str]) -> None:
        shown = ", ".join(c[:12] for c in candidates[:5])
        super().__init__(f"short id {text} is ambiguous: {shown}", "give more digits")
        self.candidates = tuple(candidates)


class PathMissing(Usage, FileNotFoundError):
    """The path is not in that revision, or not among the working files."""

    kind = "path-missing"
    errno = ENOENT

    def __init__(self, message: str, hint: str | Advice | None = None, path: object = None) -> None:
        super().__init__(message, hint)
        self.filename = path

    def _state(self) -> dict[str, Any]:
        return {**super()._state(), "filename": self.filename}


# --- working files ------------------------------------------------------------------------------------


class WorkWouldBeLost(Refused):
    """Uncommitted work in the way of an operation that would overwrite it."""

    kind = "work-would-be-lost"


class Interrupted(Refused):
    """An operation was stopped in the middle, and files that it wrote were changed since."""

    kind = "interrupted"

    def __init__(self, what: str, paths: Sequence[str]) -> None:
        shown = ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
        verb = "was" if len(paths) == 1 else "were"
        super().__init__(
            f"{what or 'an operation'} was interrupted, and {shown} {verb} changed since",
            Advice("interrupted"),
        )
        self.what, self.paths = what, tuple(paths)


class FileUnreadable(Refused):
    """A working file cannot be read: permissions, or not a regular file."""

    kind = "file-unreadable"


class FileChanging(Refused):
    """A working file changed while it was being read."""

    kind = "file-changing"


class NothingToCommit(Negative):
    """There is no change to commit."""

    kind = "nothing-to-commit"


class AuthorUnknown(Refused):
    """Neither git's configuration nor the environment names an author."""

    kind = "author-unknown"

    def __init__(self) -> None:
        super().__init__(
            "the author is not known",
            Advice("author-unknown"),
        )


# --- content ------------------------------------------------------------------------------------------


class DuplicateKey(Refused):
    """Rows share a key in a table whose keys are declared unique."""

    kind = "duplicate-key"


class SecretFound(Refused):
    """What is to be kept or sent holds a secret; the message says where and of which kind, never its value."""

    kind = "secret-found"

    def __init__(self, findings: Sequence[Any]) -> None:
        first = findings[0]
        others = len(findings) - 1
        more = f", and {others} more secret{'s' * (others != 1)}" if others else ""
        at = f" in commit {first.commit[:7]}" if first.commit else ""
        super().__init__(
            f"{first.where} holds a secret ({first.kind}){at}{more}",
            Advice("secret-found", digests=", ".join(f'"{found.digest}"' for found in findings[:3])),
        )
        self.findings = tuple(findings)


class NotATable(Usage):
    """The file has no rows that promptvc can read."""

    kind = "not-a-table"


class NotAPrompt(Usage):
    """The file cannot be read as a prompt; the message says why."""

    kind = "not-a-prompt"


class RenderFailed(Usage):
    """A prompt cannot be rendered: a variable is missing, or the template is wrong."""

    kind = "render-failed"


class RunMissing(Usage, LookupError):
    """There is no such run: no declaration, or no outputs."""

    kind = "run-missing"


class CallsMissing(Refused):
    """Answers are not known, and calls were not allowed."""

    kind = "calls-missing"

    def __init__(self, name: str, count: int, damaged: Sequence[str] = ()) -> None:
        lost = f"; damaged: {', '.join(damaged[:3])}" if damaged else ""
        super().__init__(
            f"{name}: {count} answer{' is' if count == 1 else 's are'} not known, and no call may be made{lost}",
            Advice("calls-missing"),
        )
        self.count = count


class NotTrusted(Refused):
    """Code, or an address that would be sent a key, came from elsewhere, and nobody said yet that it may run."""

    kind = "not-trusted"

    def __init__(self, what: str, why: str = "it came from elsewhere") -> None:
        super().__init__(
            f"{what} is not trusted yet: {why}",
            Advice("not-trusted"),
        )
        self.what = what


class RunUnreadable(Refused):
    """The rows or the record of a run cannot be read."""

    kind = "run-unreadable"


class RowMissing(Usage, KeyError):
    """No row has this key."""

    kind = "row-missing"


# --- sharing ------------------------------------------------------------------------------------------


class TransferFailed(Refused):
    """A remote could not be reached, or broke off."""

    kind = "transfer-failed"


class AuthFailed(TransferFailed):
    """The remote refused the credentials, or there were none."""

    kind = "auth-failed"


class PushRejected(Refused):
    """The remote did not take an update."""

    kind = "push-rejected"


class NotFastForward(Refused):
    """Histories have diverged, and the operation only moves forward."""

    kind = "not-fast-forward"


class RemoteNotAStore(Refused):
    """The remote is a git repository, but promptvc never wrote to it."""

    kind = "remote-not-a-store"


class MergeOpen(Refused):
    """A merge, cherry-pick or revert waits to be concluded, and the operation must wait for it."""

    kind = "merge-open"

    def __init__(self, step: str, conflicts: int) -> None:
        left = f"{conflicts} conflict{'s' * (conflicts != 1)} to resolve" if conflicts else "all resolved"
        advice = Advice("merge-open" if conflicts else "merge-resolved", step=step)
        super().__init__(f"a {step} is under way, {left}", advice)
        self.step, self.conflicts = step, conflicts


class ConflictsRemain(Refused):
    """A merge cannot be concluded before its conflicts are resolved."""

    kind = "conflicts-remain"

    def __init__(self, step: str, conflicts: int, path: str) -> None:
        count = f"{conflicts} conflict{'s' * (conflicts != 1)}"
        super().__init__(
            f"the {step} has {count} to resolve, the first in {path}",
            Advice("conflicts-remain", step=step),
        )
        self.step, self.conflicts = step, conflicts


class NoMergeOpen(Refused):
    """There is no merge, cherry-pick or revert under way."""

    kind = "no-merge-open"

    def __init__(self) -> None:
        super().__init__("no merge is under way", Advice("no-merge-open"))


class ConflictMissing(Usage, LookupError):
    """No conflict is meant by this path, key and field."""

    kind = "conflict-missing"


class ConflictStale(Refused):
    """The working file is not what the merge wrote any more, where the conflict was."""

    kind = "conflict-stale"


class Conflict(Negative):
    """Two writers changed the same thing differently."""

    kind = "conflict"
