"""The ssh command line, as git would write it."""

from __future__ import annotations

import pytest

from promptvc.errors import Usage
from promptvc.transports.git.ssh import ssh_command
from promptvc.transports.settings import TransportSettings
from promptvc.transports.urls import parse_url


def command(
    url: str, version: int = 2, interactive: bool = False, ssh: str | None = None, **environment: str
) -> list[str]:
    settings = TransportSettings(environment, interactive, ssh_command=ssh)
    return ssh_command(parse_url(url), "upload-pack", version, settings)


def test_the_plain_form_asks_for_protocol_two_and_no_questions() -> None:
    assert command("git@host:a b") == [
        "ssh", "-o", "SendEnv=GIT_PROTOCOL", "-o", "BatchMode=yes", "git@host", "git-upload-pack 'a b'",
    ]  # fmt: skip


def test_on_a_terminal_ssh_may_ask() -> None:
    assert command("ssh://host:2222/a", 0, interactive=True) == [
        "ssh",
        "-p",
        "2222",
        "host",
        "git-upload-pack '/a'",
    ]


def test_quotes_in_a_path_stay_inside_its_quotes() -> None:
    assert command("host:it's", 0, interactive=True)[-1] == "git-upload-pack 'it'\\''s'"


def test_the_environment_goes_before_the_configuration_and_that_before_the_program() -> None:
    assert command("host:a", ssh="ssh -i key", GIT_SSH_COMMAND="ssh -v")[:2] == ["ssh", "-v"]
    assert command("host:a", ssh="ssh -i key", GIT_SSH="/bin/myssh")[:3] == ["ssh", "-i", "key"]
    assert command("host:a", GIT_SSH="/opt/my ssh")[0] == "/opt/my ssh"


def test_a_command_with_shell_in_it_is_run_by_the_shell() -> None:
    found = command("host:a", 0, interactive=True, ssh="ssh -i $KEY")
    assert found == ["/bin/sh", "-c", 'ssh -i $KEY "$@"', "ssh -i $KEY", "host", "git-upload-pack 'a'"]


def test_other_programs_take_other_options() -> None:
    assert command("ssh://host:22/a", ssh="plink.exe")[:4] == ["plink.exe", "-batch", "-P", "22"]
    assert command("host:a", ssh="tortoiseplink", interactive=True)[:3] == ["tortoiseplink", "-batch", "host"]
    assert command("host:a", ssh="rsh", GIT_SSH_VARIANT="simple") == ["rsh", "host", "git-upload-pack 'a'"]
    with pytest.raises(Usage, match="port"):
        command("ssh://host:22/a", ssh="rsh", GIT_SSH_VARIANT="simple")


@pytest.mark.parametrize("text", ["ssh 'unclosed", " "])
def test_a_command_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(Usage):
        command("host:a", ssh=text)
