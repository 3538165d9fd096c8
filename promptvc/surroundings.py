"""The world around the program: the one place that reads environment variables and the home folder."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from promptvc.repo import Surroundings
from promptvc.session.identity import Identity


def surroundings(environ: Mapping[str, str] | None = None) -> Surroundings:
    """Read the environment variables that git and promptvc know."""
    env = dict(os.environ if environ is None else environ)
    author = Identity(env.get("GIT_AUTHOR_NAME"), env.get("GIT_AUTHOR_EMAIL"), env.get("GIT_AUTHOR_DATE"))
    committer = Identity(
        env.get("GIT_COMMITTER_NAME") or author.name,
        env.get("GIT_COMMITTER_EMAIL") or author.email,
        env.get("GIT_COMMITTER_DATE"),
    )
    return Surroundings(
        config_files=git_config_files(env),
        author=author,
        committer=committer,
        environment=env,
        interactive=sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty(),
        token=env.get("PROMPTVC_TOKEN"),
        cache_folder=lambda: cache_folder(env),
    )


def git_config_files(env: Mapping[str, str]) -> tuple[Path, ...]:
    """Git's configuration files outside the store, weakest first (git-config(1), FILES)."""
    files = [] if env.get("GIT_CONFIG_NOSYSTEM") else [Path(env.get("GIT_CONFIG_SYSTEM", "/etc/gitconfig"))]
    if "GIT_CONFIG_GLOBAL" in env:
        return (*files, Path(env["GIT_CONFIG_GLOBAL"]))
    home = _home(env)
    if home is not None:
        files += [
            Path(env.get("XDG_CONFIG_HOME") or home / ".config") / "git" / "config",
            home / ".gitconfig",
        ]
    return tuple(files)


def cache_folder(env: Mapping[str, str]) -> Path:
    """The user's cache folder: PROMPTVC_CACHE, or where the system has it."""
    if env.get("PROMPTVC_CACHE"):
        return Path(env["PROMPTVC_CACHE"])
    from platformdirs import user_cache_path  # needed only for stores opened by address

    return user_cache_path("promptvc", appauthor=False)


def _home(env: Mapping[str, str]) -> Path | None:
    home = env.get("HOME") or env.get("USERPROFILE")
    return Path(home) if home else None
