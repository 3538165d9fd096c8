"""Credentials for http: the URL's own password, a token, then git's credential helpers."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from promptvc.transports.settings import TransportSettings
from promptvc.transports.urls import Address

_TOKEN_USER = "x-access-token"  # hosts that take a token as password require a user name, but accept any
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_HELPER_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Credential:
    """A user name and a password; ``answer`` is the helper's output, to be passed back to it."""

    user: str
    password: str = field(repr=False)
    source: str = "url"
    answer: str = field(default="", repr=False)


class Credentials:
    """Credentials for one site, in order: each is tried once."""

    def __init__(self, address: Address, settings: TransportSettings) -> None:
        self._address, self._settings = address, settings
        self._tries = self._candidates()
        self._challenges: tuple[str, ...] = ()
        self.tried: list[Credential] = []

    def next(self, challenges: Iterable[str]) -> Credential | None:
        """The next one to try; ``challenges`` are the server's WWW-Authenticate headers."""
        self._challenges = tuple(challenges)
        credential = next(self._tries, None)
        if credential is not None:
            self.tried.append(credential)
        return credential

    def accepted(self) -> None:
        """The last credential worked: a helper may store it."""
        self._tell("approve")

    def refused(self) -> None:
        """The last credential did not work: a helper must erase it."""
        self._tell("reject")

    def secrets(self) -> list[str]:
        """Texts that must not be shown."""
        known = [credential.password for credential in self.tried]
        known += [text for text in (self._address.password, self._settings.token) if text]
        return [text for text in known if text]

    def _candidates(self) -> Iterator[Credential]:
        address, settings = self._address, self._settings
        if address.password is not None:
            yield Credential(address.user or "", address.password)
        elif settings.token and self._is_private():
            yield Credential(address.user or _TOKEN_USER, settings.token, "token")
        if settings.helpers and address.password is None:
            found = self._ask_helpers()
            if found is not None:
                yield found

    def _is_private(self) -> bool:
        """Whether nobody on the network can read a token."""
        return self._address.base.startswith("https://") or self._address.host in _LOOPBACK

    def _ask_helpers(self) -> Credential | None:
        answer = self._git("fill", self._question())
        fields = dict(line.split("=", 1) for line in answer.splitlines() if "=" in line)
        if not fields.get("password"):
            return None
        return Credential(fields.get("username", ""), fields["password"], "helper", answer)

    def _question(self) -> str:
        """The input of git-credential(1); `urls.parse_url` has refused line ends in all of it."""
        address = self._address
        scheme, _, place = address.site.partition("://")
        lines = [f"protocol={scheme}", f"host={place}", f"path={address.path.lstrip('/')}"]
        lines += [f"username={address.user}"] if address.user else []
        lines += [f"wwwauth[]={challenge}" for challenge in self._challenges if "\n" not in challenge]
        return "\n".join(lines) + "\n\n"

    def _tell(self, verb: str) -> None:
        if self.tried and self.tried[-1].answer:
            self._git(verb, self.tried[-1].answer + "\n")

    def _git(self, verb: str, text: str) -> str:
        """Run ``git credential``; empty if git is absent, fails, or may not ask the user."""
        environment = dict(self._settings.environment)
        git = shutil.which("git", path=environment.get("PATH", ""))
        if git is None:
            return ""
        if not self._settings.interactive:
            environment["GIT_TERMINAL_PROMPT"] = "0"
            environment.setdefault(
                "GIT_ASKPASS", ""
            )  # otherwise core.askPass or SSH_ASKPASS might open a window
        where = [f"--git-dir={self._settings.git_dir}"] if self._settings.git_dir else []
        try:
            done = subprocess.run(
                [git, *where, "credential", verb],
                input=text.encode("utf-8", "surrogateescape"),
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment,
                timeout=None if self._settings.interactive else _HELPER_PATIENCE,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return ""
        return done.stdout.decode("utf-8", "surrogateescape") if done.returncode == 0 else ""
