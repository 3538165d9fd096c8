"""promptvc.toml: what is tracked, and which fields identify a table's rows."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from fnmatch import fnmatchcase
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from promptvc.content.tablemerge.rules import MergeRules
from promptvc.errors import ConfigInvalid
from promptvc.ids import RepoPath
from promptvc.patterns import compiled
from promptvc.session.files.patterns import read_patterns

if TYPE_CHECKING:
    from promptvc.content.runs.checkspec import CheckSpec
    from promptvc.content.runs.spec import RunSpec

PROJECT_FILE = RepoPath("promptvc.toml")
DEFAULT_INCLUDE = ("prompts/**", "examples/**", "outputs/**", "promptvc.toml")
ALWAYS = "outputs/**"
"""What is tracked whatever ``include`` names: answers that were paid for must not drop out of history unseen."""
_DIGEST = r"sha256:[0-9a-f]{64}"
LARGEST = 1 << 20
"""Bytes of a promptvc.toml that are read."""
_ENDLESS_NAME = compiled(rb"(?<![\w\"'-])(?:[\w\"'-]++[ \t]*+\.[ \t]*+){100}")
"""Parts of a dotted name, each of which costs tomllib a copy of those before."""
_SAYS_SOMETHING = compiled(rb"^[ \t]*[^ \t\r\n#]", re.MULTILINE)
_DEFAULT_FOLDERS = frozenset(("prompts", "examples", "outputs"))
_DEFAULT_JUNK = compiled(r"\.DS_Store|Thumbs\.db|.*\.swp|.*~", re.DOTALL)
_DEFAULT_JUNK_FOLDERS = frozenset((".ipynb_checkpoints", "__pycache__"))
DEFAULT_EXCLUDE = (".DS_Store", "Thumbs.db", "*.swp", "*~", ".ipynb_checkpoints/", "__pycache__/")

TEMPLATE = """\
# What promptvc keeps, how it reads tables, what it runs. Every line is optional.
# [track]
# include = ["prompts/**", "examples/**", "outputs/**", "promptvc.toml"]
# exclude = ["examples/scratch/**"]
#
# [tables."examples/tickets.jsonl"]
# key = ["id"]         # the field(s) that identify a row
# unique = true        # refuse a commit in which two rows share a key
#
# [runs.support]       # promptvc run writes outputs/support.jsonl
# prompt   = "prompts/support.md"
# examples = "examples/tickets.jsonl"
# provider = "openai"
# model    = "gpt-5-mini"
# scorers  = ["exact:expected"]
"""


class Project(Struct, frozen=True, dict=True):
    """The settings of a project at one version. Patterns are those of .gitignore files.

    ``include`` adds to `ALWAYS` and promptvc.toml; only ``exclude``, or a pattern with ``!``, takes outputs out.
    ``allowed_secrets`` are the digests of tokens that may be kept: made-up ones, for examples.
    """

    include: tuple[str, ...] = DEFAULT_INCLUDE
    exclude: tuple[str, ...] = ()
    tables: Mapping[str, MergeRules] = field(default_factory=dict)
    allowed_secrets: frozenset[str] = frozenset()
    _runs: Mapping[str, Any] = field(default_factory=dict)
    _checks: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def runs(self) -> Mapping[str, RunSpec]:
        """The runs that are declared, by name."""
        if not self._runs:
            return {}
        from promptvc.content.runs.spec import read_run  # most commands ask for none

        return {name: read_run(name, _table(self._runs, name), _invalid) for name in self._runs}

    @cached_property
    def checks(self) -> Mapping[str, CheckSpec]:
        """The checks that are declared, by name."""
        if not self._checks:
            return {}
        from promptvc.content.runs.checkspec import read_check

        return {name: read_check(name, _table(self._checks, name), _invalid) for name in self._checks}

    def tracks(self, path: str) -> bool:
        """Whether a file at this path is versioned."""
        if self.include == DEFAULT_INCLUDE and not self.exclude:
            return tracks_by_default(path)
        include, exclude = self._specs
        return path == PROJECT_FILE or (include.match_file(path) and not exclude.match_file(path))

    def table(self, path: str) -> MergeRules:
        """The rules of a table: those under its path, else under the first pattern that fits."""
        if path in self.tables:
            return self.tables[path]
        return next(
            (found for pattern, found in self.tables.items() if fnmatchcase(path, pattern)), MergeRules()
        )

    def keyed(
        self, files: Collection[RepoPath], changed: Collection[RepoPath]
    ) -> list[tuple[RepoPath, MergeRules]]:
        """The tables with a declared key whose rows may share one, after these files changed.

        A new promptvc.toml may declare keys for any table.
        """
        paths = files if PROJECT_FILE in changed else [path for path in changed if path in files]
        found = ((path, self.table(path)) for path in paths)
        return [(path, settings) for path, settings in found if settings.key is not None]

    @cached_property
    def roots(self) -> tuple[str, ...]:
        """The folders, and files, in which tracked files can lie: the fixed beginnings of the include patterns."""
        found = {_fixed_part(pattern) for pattern in (ALWAYS, *self.include, PROJECT_FILE)}
        return ("",) if "" in found else tuple(sorted(found))

    @cached_property
    def _specs(self) -> tuple[Any, Any]:
        include, exclude = [ALWAYS, *self.include], [*DEFAULT_EXCLUDE, *self.exclude]
        return (
            read_patterns("track.include", include, self.include),  # of two patterns the later one holds
            read_patterns("track.exclude", exclude, self.exclude),
        )


def tracks_by_default(path: str) -> bool:
    """What the default patterns say, without the library that reads patterns: 20 ms that most projects save."""
    folder, slash, rest = path.partition("/")
    if not (folder in _DEFAULT_FOLDERS and slash and rest):
        return path == PROJECT_FILE
    *folders, name = rest.split("/")
    return not (
        _DEFAULT_JUNK.fullmatch(name)
        or any(part in _DEFAULT_JUNK_FOLDERS or _DEFAULT_JUNK.fullmatch(part) for part in folders)
    )


@lru_cache(maxsize=8)  # one command asks for the same bytes up to seven times
def read_project(data: bytes) -> Project:
    """Read promptvc.toml; raises `ConfigInvalid`, naming the line or the field. Other tables are left to others."""
    if len(data) > LARGEST:
        raise _invalid(f"{len(data):,} bytes; at most {LARGEST:,} are read")
    if not _SAYS_SOMETHING.search(data):
        return Project()
    if _ENDLESS_NAME.search(data):
        raise _invalid("a name of more than 100 parts")
    import tomllib  # 5 ms that a file of comments, as init writes it, does not ask for

    try:
        values = tomllib.loads(data.decode("utf-8-sig"))
    except (
        ValueError,
        RecursionError,
    ) as error:  # what tomllib raises, and for numbers of thousands of digits
        raise ConfigInvalid(f"{PROJECT_FILE}: {error}", "correct the file; nothing was changed") from error
    for wrong, right in (("run", "runs"), ("check", "checks"), ("table", "tables"), ("secret", "secrets")):
        if isinstance(values.get(wrong), dict):
            raise _invalid(f"[{wrong}.…] is not read; did you mean [{right}.…]?")
    track = _table(values, "track")
    _known(track, "track", ("include", "exclude"))
    tables = {
        path: _merge_rules(path, _table(_table(values, "tables"), path)) for path in _table(values, "tables")
    }
    project = Project(
        include=_strings(track, "track.include", "include", DEFAULT_INCLUDE),
        exclude=_strings(track, "track.exclude", "exclude", ()),
        tables=tables,
        allowed_secrets=_allowed_secrets(_table(values, "secrets")),
        _runs=_table(values, "runs"),
        _checks=_table(values, "checks"),
    )
    if project._runs:
        project.runs  # noqa: B018  # so that what is wrong with one is reported now
    if project._checks:
        project.checks  # noqa: B018
    return project


def _allowed_secrets(values: Mapping[str, Any]) -> frozenset[str]:
    _known(values, "secrets", ("allow",))
    digests = _strings(values, "secrets.allow", "allow", ())
    wrong = next((number for number, digest in enumerate(digests) if not re.fullmatch(_DIGEST, digest)), None)
    if wrong is not None:  # not shown: it may be the secret itself
        raise _invalid(f"secrets.allow[{wrong}] must be sha256: and 64 digits, as the refusal shows it")
    return frozenset(digests)


def _merge_rules(path: str, values: Mapping[str, Any]) -> MergeRules:
    name = f'tables."{path}"'
    _known(values, name, ("key", "unique"))
    key = values.get("key")
    fields = (key,) if isinstance(key, str) else _strings(values, f"{name}.key", "key", ()) or None
    unique = values.get("unique", False)
    if not isinstance(unique, bool):
        raise _invalid(f"{name}.unique must be true or false")
    if unique and fields is None:
        raise _invalid(f"{name}.unique needs a key beside it")
    return MergeRules(fields, unique)


def _table(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = values.get(name, {})
    if not isinstance(found, dict):
        raise _invalid(f"{name} must be a table")
    return found


def _strings(values: Mapping[str, Any], label: str, name: str, default: tuple[str, ...]) -> tuple[str, ...]:
    found = values.get(name, list(default))
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise _invalid(f"{label} must be a list of strings")
    return tuple(found)


def _known(values: Mapping[str, Any], label: str, names: tuple[str, ...]) -> None:
    strange = next((name for name in values if name not in names), None)
    if strange is not None:
        raise _invalid(f"{label} has no setting {strange!r}; it has {', '.join(names)}")


def _invalid(what: str) -> ConfigInvalid:
    return ConfigInvalid(f"{PROJECT_FILE}: {what}", "correct the file; nothing was changed")


def _fixed_part(pattern: str) -> str:
    """``prompts/** -> prompts``; ``*.md`` and ``notes`` (which may be anywhere) ``-> ""``."""
    pattern = pattern.removeprefix("/") if "/" in pattern.rstrip("/") else pattern
    parts = pattern.split("/")
    fixed: list[str] = []
    for part in parts:
        if any(mark in part for mark in "*?[\\!"):
            break
        fixed.append(part)
    if len(parts) == 1 and pattern != PROJECT_FILE:
        return ""
    return "/".join(part for part in fixed if part)
