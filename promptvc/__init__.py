"""promptvc: a git-style versioned data store for prompts, example sets and model outputs.

    repo = promptvc.open(".")                       # also init(path), clone(url, path)
    snap = repo.snapshot("main")                    # any revision; never changes
    snap.prompt("prompts/support.md").render(ticket="…")
    snap.table("examples/tickets.jsonl").to_pandas()
    with repo.transaction("main", message="add failures") as tx:
        tx.upsert("examples/tickets.jsonl", rows)

Every error is here too: ``except promptvc.PathMissing``. Names are imported when they are first used, so that
``import promptvc`` takes a few milliseconds.
"""

from __future__ import annotations

import os
import sys

# `python -m promptvc`: a typing.py or yaml.py of the project must not pass for what is installed.
if sys.argv[:1] == ["-m"] and "promptvc" in sys.orig_argv and sys.path[:1] == [os.getcwd()]:  # noqa: PTH109
    del sys.path[0]

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from promptvc.api import clone, init, open
    from promptvc.content.prompt.prompt import Prompt
    from promptvc.content.runs.view import Run
    from promptvc.content.table.view import Table
    from promptvc.errors import (
        AmbiguousId,
        AuthFailed,
        AuthorUnknown,
        CallsMissing,
        ConfigInvalid,
        Conflict,
        ConflictMissing,
        ConflictsRemain,
        ConflictStale,
        DiskFailed,
        DiskFull,
        DuplicateKey,
        FileChanging,
        FileUnreadable,
        Interrupted,
        InvalidName,
        LogDamaged,
        MergeOpen,
        Negative,
        NoMergeOpen,
        NotAPrompt,
        NotAStore,
        NotATable,
        NotFastForward,
        NothingToCommit,
        NotTrusted,
        ObjectDamaged,
        ObjectMissing,
        PathMissing,
        PromptvcError,
        PushRejected,
        RefDamaged,
        RefMoved,
        Refused,
        RemoteNotAStore,
        RenderFailed,
        RowMissing,
        RunMissing,
        RunUnreadable,
        SecretFound,
        StoreBusy,
        StoreExists,
        StoreReadOnly,
        TransferFailed,
        UnknownRevision,
        UnsupportedFormat,
        Usage,
        WorkWouldBeLost,
    )
    from promptvc.repo import Repo
    from promptvc.runs.record.logbook import RunLog
    from promptvc.session.transaction.transaction import Transaction
    from promptvc.session.workspace.comparison import Comparison, FileDiff
    from promptvc.session.workspace.snapshot import Snapshot

_HOMES = {
    "Comparison": "promptvc.session.workspace.comparison",
    "FileDiff": "promptvc.session.workspace.comparison",
    "Prompt": "promptvc.content.prompt.prompt",
    "Repo": "promptvc.repo",
    "Run": "promptvc.content.runs.view",
    "RunLog": "promptvc.runs.record.logbook",
    "Snapshot": "promptvc.session.workspace.snapshot",
    "Table": "promptvc.content.table.view",
    "Transaction": "promptvc.session.transaction.transaction",
    "clone": "promptvc.api",
    "init": "promptvc.api",
    "open": "promptvc.api",
}

__all__ = [
    "AmbiguousId",
    "AuthFailed",
    "AuthorUnknown",
    "CallsMissing",
    "Comparison",
    "ConfigInvalid",
    "Conflict",
    "ConflictMissing",
    "ConflictStale",
    "ConflictsRemain",
    "DiskFailed",
    "DiskFull",
    "DuplicateKey",
    "FileChanging",
    "FileDiff",
    "FileUnreadable",
    "Interrupted",
    "InvalidName",
    "LogDamaged",
    "MergeOpen",
    "Negative",
    "NoMergeOpen",
    "NotAPrompt",
    "NotAStore",
    "NotATable",
    "NotFastForward",
    "NotTrusted",
    "NothingToCommit",
    "ObjectDamaged",
    "ObjectMissing",
    "PathMissing",
    "Prompt",
    "PromptvcError",
    "PushRejected",
    "RefDamaged",
    "RefMoved",
    "Refused",
    "RemoteNotAStore",
    "RenderFailed",
    "Repo",
    "RowMissing",
    "Run",
    "RunLog",
    "RunMissing",
    "RunUnreadable",
    "SecretFound",
    "Snapshot",
    "StoreBusy",
    "StoreExists",
    "StoreReadOnly",
    "Table",
    "Transaction",
    "TransferFailed",
    "UnknownRevision",
    "UnsupportedFormat",
    "Usage",
    "WorkWouldBeLost",
    "__version__",
    "clone",
    "init",
    "open",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name) or ("promptvc.errors" if name in __all__ else None)
    if home is None:
        raise AttributeError(f"module 'promptvc' has no attribute {name!r}")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted(__all__)
