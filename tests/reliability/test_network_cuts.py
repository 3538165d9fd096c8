"""A transfer that breaks off at any byte leaves both stores whole, says so in one line, and succeeds the next time."""

from __future__ import annotations

import pytest

from tests.reliability.network import OPERATIONS, SERVERS, cut_transfers, network_cuts, servers
from tests.reliability.outcomes import check_all, drawn_seed

IN_CI = 6
"""Cuts for each kind of server and operation."""


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("server", SERVERS)
def test_a_transfer_that_is_cut_leaves_old_or_new_and_the_next_one_succeeds(
    server: str, operation: str
) -> None:
    if server not in servers():
        pytest.skip("sshd is not installed")
    check_all(cut_transfers(server, operation, drawn_seed(), IN_CI), least=IN_CI)


@pytest.mark.long
def test_thousands_of_cuts() -> None:
    check_all(network_cuts(drawn_seed(), 3000), least=3000)
