"""Runs made by hand: their rows and records written as working files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from promptvc.content.runs.run import OutputRow, RunRecord, ScorerPin, encode_row, output_path, record_path
from promptvc.repo import Repo
from promptvc.runs.sources import LoadedRun, WorkingSource, load_run, pin_of

EXAMPLES = "examples/tickets.jsonl"
PROMPT = "prompts/support.md"


def write(repo: Repo, path: str, content: str | bytes | Iterable[Mapping[str, Any]]) -> None:
    """Write a working file: text, or rows as JSON Lines."""
    assert repo.root is not None
    if not isinstance(content, str | bytes):
        content = "".join(json.dumps(row) + "\n" for row in content)
    file = repo.root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content.encode() if isinstance(content, str) else content)


def answer(example: str, output: str | None = "x", sample: int = 0, **fields: Any) -> OutputRow:
    """An output row; keywords that are no field of it are scores."""
    own = {name: fields.pop(name) for name in list(fields) if name in OutputRow.__slots__}
    return OutputRow(example_id=example, sample_index=sample, output=output, scores=fields, **own)


def write_run(repo: Repo, name: str, rows: Iterable[OutputRow], **record: Any) -> None:
    """Write a run's files; the record pins prompt and examples where they are among the working files."""
    files = WorkingSource(repo.parts.workspace)
    known = {path: pin_of(files.file(path)) for path in (PROMPT, EXAMPLES) if path in files.files}
    settings = {
        "prompt": known.get(PROMPT),
        "examples": known.get(EXAMPLES),
        "example_key": ("id",),
        "provider": "openai",
        "model": "small",
        "scorers": (ScorerPin("exact", "exact:expected", "c0de"),),
        **record,
    }
    write(repo, output_path(name), b"".join(map(encode_row, rows)))
    write(repo, record_path(name), RunRecord(name=name, **settings).encode())


def load(repo: Repo, name: str) -> LoadedRun:
    """A run among the working files."""
    return load_run(WorkingSource(repo.parts.workspace), name, repo.parts.contents, repo.parts.store)
