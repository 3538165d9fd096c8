"""Fixtures for every test: a world of its own, without the user's git configuration."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from promptvc.repo import Repo, Surroundings
from promptvc.session.identity import Identity

# Run times on shared machines say nothing: examples are bounded in number, never in time.
settings.register_profile("plain", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("plain")

# A module that a test writes anew within a second, of the same size, must not be taken from a compiled file.
sys.dont_write_bytecode = True
_GC = gc.get_threshold()
ME = Identity("Me", "me@example.com")
SHARED_DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the long forms without ``-m long``."""
    out = [item for item in items if item.get_closest_marker("long") and "long" not in config.option.markexpr]
    if out:
        config.hook.pytest_deselected(items=out)
        items[:] = [item for item in items if item not in set(out)]


@pytest.fixture(autouse=True)
def _own_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep git, editors and pagers of the user out."""
    home = tmp_path_factory.mktemp("home")
    names = [name for name in os.environ if name.startswith(("GIT_", "PROMPTVC_"))]
    with pytest.MonkeyPatch.context() as patch:
        for name in names:
            patch.delenv(name)
        patch.setenv("HOME", str(home))
        patch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        for who in ("AUTHOR", "COMMITTER"):
            patch.setenv(f"GIT_{who}_NAME", "Me")
            patch.setenv(f"GIT_{who}_EMAIL", "me@example.com")
        patch.setenv("PROMPTVC_CACHE", str(home / "cache"))
        yield
    gc.set_threshold(*_GC)  # the command line, run in this process, lets garbage wait, and open files with it


@pytest.fixture
def world() -> Surroundings:
    """What the library is told of its surroundings: an author and a clock."""
    return Surroundings(author=ME, committer=ME)


@pytest.fixture
def repo(tmp_path: Path, world: Surroundings) -> Iterator[Repo]:
    """A new project; whatever the test wrote must verify at its end."""
    made = Repo.init(tmp_path / "project", world)
    yield made
    assert made.verify() == []


@pytest.fixture
def data() -> Path:
    """The folder of real data; the test is skipped where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("real data is not here")
    return SHARED_DATA
