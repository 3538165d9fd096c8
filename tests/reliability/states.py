"""What a project is at one moment, as git and the file system show it: refs, HEAD, settings, working files."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from pathlib import Path
from typing import Any

from tests.reliability.hands import git

STORE = ".promptvc"
State = dict[str, Any]
"""``{"head", "refs", "config", "files", "remote", "history"}``; {} where there is no store."""
_TEMPORARY = re.compile(r"\..*\.tmp\Z")
_VOLATILE = ("created", "started", "latency", "ended", "outputs")


def state(folder: Path, project: str, *, volatile: bool = False) -> State:
    """The state of ``folder/project`` and of ``folder/remote.git``.

    ``volatile`` leaves out what depends on the clock: names of commits, and times in the records of runs.
    """
    root = folder / project
    store, bare = root / STORE, folder / "remote.git"
    found: State = {"files": files(root, volatile=volatile)}
    if (store / "HEAD").exists():
        found |= {"head": _text(store / "HEAD"), "config": settings(store / "config")}
        found["refs"] = _history(store) if volatile else refs(store)
    if bare.exists():
        found["remote"] = refs(bare)
    return found


def refs(store: Path) -> dict[str, str]:
    """What each ref holds, read without git so that damage shows; our private ones left out."""
    found: dict[str, str] = {}
    for line in _text(store / "packed-refs").splitlines():
        id, _, name = line.partition(" ")
        if name.startswith("refs/"):
            found[name] = id
    for place in (store / "refs").rglob("*"):
        name = place.relative_to(store).as_posix()
        if place.is_file() and not name.endswith(".lock"):
            found[name] = _text(place).strip()
    return {name: id for name, id in sorted(found.items()) if not name.startswith("refs/promptvc/")}


def settings(config: Path) -> dict[str, str]:
    """A configuration file of git: ``{"remote.origin.url": "…"}``; what is no line of one is kept as it is."""
    found, section = {}, ""
    for line in _text(config).splitlines():
        text = line.strip()
        if text.startswith("["):
            section = text.strip("[]").replace('"', "").replace(" ", ".")
        elif text:
            name, _, value = text.partition("=")
            found[f"{section}.{name.strip()}"] = value.strip()
    return dict(sorted(found.items()))


def files(root: Path, *, volatile: bool = False) -> dict[str, str]:
    """Each working file with a hash of what it is. Hidden temporary files count only once they are tracked."""
    found = {}
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in (STORE, "__pycache__")]
        for name in names:
            place = Path(folder, name)
            if not _TEMPORARY.match(name):
                found[place.relative_to(root).as_posix()] = _fingerprint(place, volatile=volatile)
    return dict(sorted(found.items()))


def difference(one: State, other: State) -> str:
    """Where two states differ, shortly."""
    told = []
    for part in sorted({*one, *other}):
        a, b = one.get(part), other.get(part)
        if a == b:
            continue
        if isinstance(a, dict) and isinstance(b, dict):
            names = sorted(name for name in {*a, *b} if a.get(name) != b.get(name))
            told.append(f"{part}: {', '.join(names[:6])}")
        else:
            told.append(f"{part}: {a!r} for {b!r}"[:200])
    return "; ".join(told)


def _history(store: Path) -> dict[str, list[str]]:
    """Of each ref: the subject and the number of parents of each commit, and the paths at its tip."""
    found = {}
    for name in refs(store):
        log = git(store, "log", "--format=%s %p", name).stdout.splitlines()
        shape = [f"{line.rsplit(' ', 1)[0]}" if " " in line else line for line in log]
        found[name] = [
            f"{len(log)}",
            shape[0] if shape else "",
            git(store, "ls-tree", "-r", "--name-only", name).stdout,
        ]
    return found


def _fingerprint(place: Path, *, volatile: bool) -> str:
    info = place.lstat()
    if stat.S_ISLNK(info.st_mode):
        return "link " + os.readlink(place)
    data = place.read_bytes()
    if volatile and place.suffix in (".json", ".jsonl") and place.parent.name == "outputs":
        data = _timeless(data)
    return hashlib.sha1(data).hexdigest() + (" x" if info.st_mode & 0o100 else "")


def _timeless(data: bytes) -> bytes:
    try:
        lines = [data] if data.startswith(b"{\n") else data.splitlines()
        return json.dumps([_without_times(json.loads(line)) for line in lines], sort_keys=True).encode()
    except ValueError:
        return data


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {k: v for k, v in value.items() if not any(word in k for word in _VOLATILE)}
        return {k: _without_times(v) for k, v in kept.items()}
    return [_without_times(part) for part in value] if isinstance(value, list) else value


def _text(place: Path) -> str:
    try:
        return place.read_bytes().decode("utf-8", "backslashreplace")
    except OSError:
        return ""
