"""Which refs of a remote become which refs here: git's refspecs."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from promptvc.errors import InvalidName
from promptvc.ids import RefName


class Refspec(Struct, frozen=True):
    """``+refs/heads/*:refs/remotes/origin/*``: names there, names here, and whether ours may be set back.

    An empty ``here`` means that nothing is stored; ``excludes`` is git's ``^refs/heads/wip/*``.
    """

    there: str
    here: str
    force: bool = False
    excludes: bool = False

    @classmethod
    def parse(cls, text: str) -> Refspec:
        """Read a refspec as it stands in git's configuration; raises `InvalidName`."""
        if text.startswith("^"):
            return cls(text[1:], "", excludes=True)
        force = text.startswith("+")
        there, _, here = text[force:].partition(":")
        stars = (there.count("*"), here.count("*"))
        if not there or stars[0] > 1 or stars[1] > 1 or (here and stars[0] != stars[1]):
            raise InvalidName(
                f"{text!r} is not a refspec", "for instance +refs/heads/*:refs/remotes/origin/*"
            )
        return cls(there, here, force)

    @classmethod
    def tracking(cls, remote: str) -> Refspec:
        """All branches of a remote, as its remote-tracking refs."""
        return cls("refs/heads/*", f"refs/remotes/{remote}/*", force=True)

    def __str__(self) -> str:
        if self.excludes:
            return f"^{self.there}"
        return f"{'+' if self.force else ''}{self.there}" + (f":{self.here}" if self.here else "")

    def inward(self, name: str) -> RefName | None:
        """Our ref for a ref of the remote."""
        return _mapped(name, self.there, self.here)

    def outward(self, name: str) -> RefName | None:
        """The remote's ref for a ref of ours."""
        return _mapped(name, self.here, self.there)

    def covers(self, name: str) -> bool:
        """Whether it speaks of this ref of the remote."""
        return _middle(name, self.there) is not None


def local_name(specs: Iterable[Refspec], name: str) -> tuple[RefName, bool] | None:
    """(our ref for a ref of the remote, whether it may be set back); None where no refspec wants it."""
    specs = tuple(specs)
    if any(spec.excludes and spec.covers(name) for spec in specs):
        return None
    for spec in specs:
        found = None if spec.excludes else spec.inward(name)
        if found is not None:
            return found, spec.force
    return None


def remote_name(specs: Iterable[Refspec], name: str) -> RefName | None:
    """The remote's ref that one of our refs follows; None where it follows none."""
    names = (None if spec.excludes else spec.outward(name) for spec in specs)
    return next((found for found in names if found is not None), None)


def _mapped(name: str, pattern: str, result: str) -> RefName | None:
    middle = _middle(name, pattern)
    if middle is None or not result:
        return None
    try:
        return RefName.parse(result.replace("*", middle, 1))
    except InvalidName:
        return None


def _middle(name: str, pattern: str) -> str | None:
    """What the star stands for: ``refs/heads/a`` in ``refs/heads/*`` gives ``a``."""
    before, star, after = pattern.partition("*")
    if not star:
        return "" if name == pattern else None
    fits = name.startswith(before) and name.endswith(after) and len(name) > len(before) + len(after)
    return name[len(before) : len(name) - len(after)] if fits else None
