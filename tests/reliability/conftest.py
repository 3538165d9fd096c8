"""The harness of faults: a fork server for the session, a seed that is printed, and the long form only if asked for.

pytest tests/reliability                    # a drawn sample
pytest -m long tests/reliability            # every point
PROMPTVC_TEST_SEED=7 pytest …               # the sample of a run that failed
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.reliability.client import Harness, harness
from tests.reliability.counts import SEED_NAME, seed_from_environment
from tests.reliability.shim import why_not

_SEED = pytest.StashKey[int]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_SEED] = seed_from_environment(os.environ.get("PYTEST_XDIST_TESTRUNUID"))


def pytest_report_header(config: pytest.Config) -> str:
    return f"faults drawn with {SEED_NAME}={config.stash[_SEED]}"


@pytest.fixture(scope="session")
def seed(pytestconfig: pytest.Config) -> int:
    """What faults are drawn with."""
    return pytestconfig.stash[_SEED]


@pytest.fixture(scope="session")
def server() -> Iterator[Harness]:
    """A fork server; skips where there is no C compiler, or no Linux."""
    reason = why_not()
    if reason:
        pytest.skip(reason)
    with harness() as found:
        yield found
