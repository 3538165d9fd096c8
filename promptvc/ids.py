"""The names of things: ObjectId, RefName and RepoPath, made and checked here."""

from __future__ import annotations

from promptvc.errors import InvalidName, Usage
from promptvc.patterns import compiled

_HEX40 = compiled(r"[0-9a-f]{40}\Z")
# What git check-ref-format refuses inside a name (git-check-ref-format(1)).
_BAD_REF = compiled(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(/|\Z)|\A[./-]|[./]\Z|\A@\Z")


# Control characters, and what turns the writing direction.
_HIDDEN_IN_NAME = compiled("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
# What the file system of macOS leaves out of a name (git's is_hfs_dotgit).
_IGNORED_IN_NAME = compiled("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")
_RESERVED = (".git", ".promptvc", ".rope")
_SHORT = compiled(r"(git|prompt|rope)~[1-4]")


def is_reserved(part: str) -> bool:
    """Whether a part of a path is the store's own, or such that Windows or macOS takes it for that: ``git~1``.

    Windows leaves dots and spaces at a name's end out, and knows files by a short name too.
    """
    plain = _IGNORED_IN_NAME.sub("", part).partition(":")[0].rstrip(". ").lower()
    return plain in _RESERVED or _SHORT.fullmatch(plain) is not None


def has_hidden(name: str) -> bool:
    """Whether a name has a control character, or one that turns the writing direction: no file may be called so."""
    return _HIDDEN_IN_NAME.search(name) is not None


class ObjectId(str):
    """The name of a git object: 40 lower-case hexadecimal digits (SHA-1)."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> ObjectId:
        """Check and make; raises `Usage` when text is not 40 hexadecimal digits."""
        if not _HEX40.match(text):
            raise Usage(f"{text!r} is not an object id")
        return cls(text)

    @classmethod
    def from_raw(cls, raw: bytes) -> ObjectId:
        """Make from the 20 bytes that trees and indexes hold."""
        return cls(raw.hex())

    @property
    def raw(self) -> bytes:
        """The 20 bytes that trees and indexes hold."""
        return bytes.fromhex(self)

    @property
    def short(self) -> str:
        """The first seven digits, for people."""
        return self[:7]


class RefName(str):
    """A full git ref name: ``HEAD`` or ``refs/…``."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> RefName:
        """Check and make; raises `InvalidName` where git would refuse the name."""
        if text == "HEAD":
            return cls(text)
        if not text.startswith("refs/") or _BAD_REF.search(text):
            raise InvalidName(
                f"{text!r} is not a valid ref name", "letters, digits, - _ . and / are always fine"
            )
        return cls(text)

    @classmethod
    def branch(cls, name: str) -> RefName:
        """``main -> refs/heads/main``."""
        return cls._make("refs/heads/", name, "branch")

    @classmethod
    def tag(cls, name: str) -> RefName:
        """``v1 -> refs/tags/v1``."""
        return cls._make("refs/tags/", name, "tag")

    @classmethod
    def remote(cls, remote: str, name: str) -> RefName:
        """``origin, main -> refs/remotes/origin/main``."""
        return cls._make(f"refs/remotes/{remote}/", name, "branch")

    @classmethod
    def _make(cls, prefix: str, name: str, what: str) -> RefName:
        if not name or _BAD_REF.search(name) or name == "HEAD":
            raise InvalidName(
                f"{name!r} is not a valid {what} name", "letters, digits, - _ . and / are always fine"
            )
        return cls(prefix + name)

    @property
    def short(self) -> str:
        """The name people use: ``refs/heads/main -> main``, ``refs/remotes/origin/main -> origin/main``."""
        for prefix in ("refs/heads/", "refs/tags/", "refs/remotes/"):
            if self.startswith(prefix):
                return self[len(prefix) :]
        return str(self)


class RepoPath(str):
    """A path inside the project: relative, ``/`` between parts, no ``.`` or ``..`` part.

    The parts ``.git``, ``.promptvc`` and ``.rope`` in any case are reserved, and what some systems take for them.
    """

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> RepoPath:
        """Check and make; raises `InvalidName` for what the store cannot hold."""
        parts = text.split("/")
        if any(part in ("", ".", "..") for part in parts):
            raise InvalidName(f"{text!r} is not a path inside the project")
        if _HIDDEN_IN_NAME.search(text):
            hint = "rename it, or exclude it in promptvc.toml"
            raise InvalidName(f"the file name {text!r} has a control character", hint)
        if any(is_reserved(part) for part in parts):
            raise InvalidName(f"{text!r} uses a name that the store reserves", "rename it")
        try:
            text.encode()
        except UnicodeEncodeError:
            shown = text.encode("utf-8", "backslashreplace").decode()
            hint = "rename the file, or exclude it in promptvc.toml"
            raise InvalidName(f"the file name {shown} is not UTF-8", hint) from None
        return cls(text)
