"""Secrets in a run's input and answers: an answer that holds one stays in the local journal."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from msgspec.structs import replace

from promptvc.content.runs.run import OutputRow, encode_row
from promptvc.errors import ConfigInvalid
from promptvc.ids import RepoPath
from promptvc.secrets.find import find
from promptvc.secrets.redact import Redactor, redact_url, secret_values, url_secrets
from promptvc.session.secrets.guard import Guard, need_no_secrets
from promptvc.session.secrets.locate import Readable
from promptvc.storage.store import ObjectStore

_SHORTEST = 16
"""Least characters of a value to look for in answers: ``POSTGRES_PASSWORD=postgres`` occurs in many."""


@dataclass(kw_only=True)
class AnswerGuard:
    """Withholds answers that hold tokens, or a value that the environment keeps secret.

    ``environment`` is that of the providers; ``allowed`` are the digests of what may be kept. `withheld` maps each
    digest that was found to its kind.
    """

    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    allowed: Collection[str] = ()
    is_on: bool = True
    withheld: dict[str, str] = field(default_factory=dict)
    rows: int = 0

    def __post_init__(self) -> None:
        known = secret_values(self.environment, _SHORTEST)
        self._values = {value.encode(): name for value, name in known.items()}
        self.redact = Redactor(secret_values(self.environment))

    def checked(self, row: OutputRow) -> OutputRow:
        """The row, or, if it holds a secret, a row that says so: ``secret: github-token``."""
        found = self.find(row)
        if not found:
            return row
        self.withheld |= found
        self.rows += 1
        error = f"secret: {next(iter(found.values()))}"
        return replace(
            row, output=None, tool_calls=None, finish_reason=None, response_model=None, scores={}, error=error
        )

    def find(self, row: OutputRow) -> dict[str, str]:
        """The secrets in a row that may not be kept, from digest to kind."""
        if not self.is_on or not row.is_answer:
            return {}
        data = encode_row(row)
        found = {hit.digest: hit.kind for hit in find(data)}
        for value, name in self._values.items():
            if value in data:
                found[f"sha256:{sha256(value).hexdigest()}"] = f"value of {name}"
        return {digest: kind for digest, kind in found.items() if digest not in self.allowed}


def need_no_password(base_url: str | None) -> None:
    """Raise `ConfigInvalid` for an address with a password or a key: every record would contain it."""
    if base_url is not None and url_secrets(base_url):
        raise ConfigInvalid(
            f"base_url {redact_url(base_url)} has a password or a key in it",
            "OPENAI_API_KEY is where a key belongs; OPENAI_BASE_URL takes an address that is not versioned",
        )


def need_clean(store: ObjectStore, files: Iterable[Readable], allowed: Collection[str], is_on: bool) -> None:
    """Raise `SecretFound` if a file to be stored holds a secret."""
    here = {file.path: file for file in files}
    with Guard(store.read_blob, allowed, is_on=is_on) as guard:
        for path, file in here.items():
            if watch := guard.watch(RepoPath(path)):
                for chunk_run in file.chunk_runs():
                    watch.new(chunk_run.load())
        need_no_secrets(guard, here.get)
