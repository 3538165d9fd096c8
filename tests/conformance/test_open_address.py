"""A remote store read by its address, through a clone in the cache folder."""

from __future__ import annotations

import subprocess
from pathlib import Path

import promptvc


def test_a_bare_repository_is_read_by_its_path(tmp_path: Path) -> None:
    mine = promptvc.init(tmp_path / "mine")
    with mine.transaction("main", "one") as tx:
        tx.write("prompts/a.md", "Answer {{ ticket }}.\n")
    hub = tmp_path / "hub.git"
    subprocess.run(["git", "init", "-q", "--bare", str(hub)], check=True)
    subprocess.run(["git", f"--git-dir={mine.path}", "push", "-q", str(hub), "main"], check=True)
    for address in (str(hub), f"file://{hub}"):
        repo = promptvc.open(address)
        assert repo.root is None
        assert repo.snapshot("main").prompt("prompts/a.md").variables == ("ticket",)
        assert repo.snapshot().id == mine.snapshot("main").id
    with mine.transaction("main", "two") as tx:
        tx.write("prompts/a.md", "Answer {{ ticket }} briefly.\n")
    subprocess.run(["git", f"--git-dir={mine.path}", "push", "-q", str(hub), "main"], check=True)
    assert promptvc.open(str(hub), refresh=False).snapshot("main").id == mine.snapshot("main~1").id
    assert promptvc.open(str(hub)).snapshot("main").id == mine.snapshot("main").id
