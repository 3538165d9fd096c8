"""Random commands, killed ones among them, beside a plain-Python model of what a store is."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.reliability.machine import CommandMachine
from tests.reliability.outcomes import Outcome, check_all, drawn_seed

STEPS = 20
IN_CI = 10
"""Histories of `STEPS` commands each."""


class KilledMachine(CommandMachine):
    """The same, with kills."""

    kills = True


def model(seed_value: int, amount: int, machine: type[CommandMachine] = CommandMachine) -> Iterator[Outcome]:
    """``amount`` random histories, in tens; PROMPTVC_TEST_SHRINK=1 makes one that fails as small as it goes."""
    for number in range(0, amount, 10):
        chosen = settings(
            max_examples=min(10, amount - number),
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.generate, Phase.shrink)
            if "PROMPTVC_TEST_SHRINK" in os.environ
            else (Phase.generate,),
        )
        try:
            run_state_machine_as_test(seed(seed_value + number)(machine), settings=chosen)
        except Exception as error:
            notes = "\n".join(getattr(error, "__notes__", []))
            yield Outcome(
                "model", f"seed {seed_value + number}", False, f"{type(error).__name__}: {error}\n{notes}"
            )
        else:
            for each in range(min(10, amount - number)):
                yield Outcome("model", f"seed {seed_value + number}, {each}", True)


def test_commands_do_what_the_model_says() -> None:
    check_all(model(drawn_seed(), IN_CI), least=IN_CI)


@pytest.mark.skipif(not CommandMachine.kills, reason="PROMPTVC_TEST_KILLS=1 lets commands be killed")
def test_a_killed_command_leaves_the_old_state_or_the_new_one() -> None:
    check_all(model(drawn_seed(), IN_CI, KilledMachine), least=IN_CI)


@pytest.mark.long
def test_a_thousand_histories() -> None:
    amount = int(os.environ.get("PROMPTVC_TEST_HISTORIES", "1000"))
    machine = KilledMachine if CommandMachine.kills else CommandMachine
    check_all(model(drawn_seed(), amount, machine), least=amount)
