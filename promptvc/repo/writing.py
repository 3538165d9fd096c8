"""Writing commits, with and without working files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from promptvc.ids import RefName
from promptvc.repo.branch.merges import WithMerges
from promptvc.session.workspace.workspace import Committed

if TYPE_CHECKING:
    from promptvc.session.transaction.transaction import Transaction


def commit(
    parts: WithMerges,
    message: str,
    paths: Sequence[str],
    code_commit: str | None,
    allow_empty: bool,
    allow_secrets: bool,
) -> Committed:
    """Commit working files, or conclude the open merge: see `Repo.commit`."""
    author, committer = parts.author(), parts.committer()
    if parts.merges.open_merge is not None:
        done = parts.merges.working.conclude(
            message, author, committer, paths=paths, code_commit=code_commit, allow_secrets=allow_secrets
        )
    else:
        done = parts.workspace.commit(
            message,
            author,
            committer,
            paths=paths,
            code_commit=code_commit,
            allow_empty=allow_empty,
            allow_secrets=allow_secrets,
        )
    if not allow_secrets:
        parts.scanned.add([done.id])
    return done


def transaction(
    parts: WithMerges, branch: str, message: str, timeout: float | None, allow_secrets: bool
) -> Transaction:
    """Writes to a branch that become one commit: see `Repo.transaction`."""
    from promptvc.session.transaction.transaction import TIMEOUT, Transaction

    return Transaction(
        parts.store,
        parts.refs,
        parts.contents,
        RefName.branch(branch),
        message,
        parts.author,
        parts.committer,
        parts.merges.bringing_along,
        parts.merges.at_work_on,
        lambda what: parts.oplog.operation(what),
        TIMEOUT if timeout is None else timeout,
        allow_secrets,
        lambda id: parts.scanned.add([id]),
    )
