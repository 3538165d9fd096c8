"""Hostile input as a part of the harness: each attack that the tests make, counted by what it comes in by.

The attacks are tests (`tests/hostile` and those listed here), so each names what is right. They run once more here, in
a process of their own, and each gives an outcome.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from tests.reliability.counts import SEED_NAME, Outcome

ROOT = Path(__file__).resolve().parents[2]
PLACES = {
    "tests/hostile/test_hostile_packs.py": "packs",
    "tests/hostile/test_hostile_ropes.py": "ropes",
    "tests/hostile/test_hostile_servers.py": "servers",
    "tests/hostile/test_hostile_settings.py": "settings and patterns",
    "tests/hostile/test_hostile_texts.py": "long texts",
    "tests/properties/test_hostile_files.py": "files",
    "tests/properties/test_hostile_objects.py": "objects",
    "tests/conformance/test_hostile_names.py": "names",
    "tests/conformance/test_what_asks.py": "code from elsewhere",
    "tests/conformance/test_shadowing.py": "code from elsewhere",
    "tests/secrets": "secrets",
}
"""A file of tests or a folder of them -> what the attacks of it come in by."""


def attacks(seed: int, amount: int | None) -> Iterator[Outcome]:
    """Each attack once; with an amount, so many of them, drawn by the seed."""
    names = _names()
    if amount is not None and amount < len(names):
        names = sorted(random.Random(seed).sample(names, amount))
    for name, message in _run(names, seed):
        yield Outcome(f"attacks: {_kind(name)}", name, not message, message)


def _names() -> list[str]:
    """The tests, as pytest names them."""
    done = _pytest("--collect-only", "-n", "0", *PLACES)
    names = [line for line in done.stdout.splitlines() if "::" in line]
    if done.returncode or not names:
        raise RuntimeError(f"the attacks cannot be listed:\n{done.stdout}{done.stderr}")
    return names


def _run(names: list[str], seed: int) -> Iterator[tuple[str, str]]:
    """Each test that ran, with what failed of it; one that was skipped tried nothing."""
    with tempfile.TemporaryDirectory() as folder:
        asked, report = Path(folder) / "asked", Path(folder) / "report.xml"
        asked.write_text("".join(f"{name}\n" for name in names))
        done = _pytest("-n", "2", f"--junitxml={report}", f"@{asked}", seed=seed)
        if not report.exists():
            raise RuntimeError(f"the attacks did not run:\n{done.stdout}{done.stderr}")
        cases = list(ElementTree.parse(report).iter("testcase"))
    for case in cases:
        if case.find("skipped") is None:
            failed = [each for each in case if each.tag in ("failure", "error")]
            yield (
                f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name')}",
                failed[0].get("message") or "failed" if failed else "",
            )


def _kind(name: str) -> str:
    return next(kind for place, kind in PLACES.items() if name.startswith(place))


def _pytest(*words: str, seed: int = 0) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, SEED_NAME: str(seed)}
    return subprocess.run(
        [sys.executable, "-m", "pytest", *words], cwd=ROOT, env=environment, capture_output=True, text=True
    )
