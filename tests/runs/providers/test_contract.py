"""Every provider keeps the contract: functions, programs, servers, and one that is plugged in."""

from __future__ import annotations

import sys
import textwrap
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from promptvc.content.runs.request import Calling, Request
from promptvc.content.runs.spec import RunSpec
from promptvc.errors import ConfigInvalid
from promptvc.ids import RepoPath
from promptvc.runs.providers.registry import (
    PROVIDERS,
    Answer,
    CallFailed,
    Provider,
    ProviderKind,
    provider_of,
    runs_code,
)
from promptvc.runs.trust import what_needs_trust
from tests.runs.projects import SETTINGS, Project, tickets
from tests.runs.providers.chat_server import ChatServer
from tests.runs.providers.contract import FAIL, SLOW, ProviderContract


class TestPython(ProviderContract):
    declared = "python:contract_model:answer"
    broken = "python:contract_no_such_model:answer"

    @pytest.fixture(autouse=True)
    def _forget(self) -> Iterator[None]:
        yield
        sys.modules.pop("contract_model", None)

    def prepare(self, root: Path) -> None:
        text = """
            import asyncio
            async def answer(messages, model, params):
                text = messages[-1]["content"]
                params["stop"].append("changed")
                messages.clear()
                if text == "fail":
                    raise ValueError("no\\n" * 1000)
                if text == "slow":
                    await asyncio.sleep(60)
                return f"You said: {text}"
        """
        (root / "contract_model.py").write_text(textwrap.dedent(text))


class TestCommand(ProviderContract):
    declared = "command:./model"
    broken = "command:./no-such-model"

    def prepare(self, root: Path) -> None:
        text = """
            import json, sys, time
            text = json.load(sys.stdin)["messages"][-1]["content"]
            if text == "fail":
                sys.exit("no\\n" * 1000)
            if text == "slow":
                time.sleep(60)
            json.dump({"output": f"You said: {text}"}, sys.stdout)
        """
        program = root / "model"
        program.write_text(f"#!{sys.executable}\n{textwrap.dedent(text)}")
        program.chmod(0o755)


class TestOpenAI(ProviderContract):
    declared = "openai"
    broken = "openai"  # without a key and an address
    trusted = True

    @pytest.fixture(autouse=True)
    def _server(self) -> Iterator[None]:
        with ChatServer() as self.server:
            self.options = {"base_url": self.server.url}
            yield

    def expect(self, text: str) -> None:
        script = {FAIL: "400:" + "no " * 1000, SLOW: "slow:60"}
        if text in script:
            self.server.misbehave(script[text])


class Echo:
    """A provider of another package's: it says back what it is told."""

    def __init__(self) -> None:
        self._closed = threading.Event()

    def call(self, calling: Calling, request: Request) -> Answer:
        text = str(request.messages[-1]["content"])
        if text == SLOW:
            self._closed.wait(60)
        if self._closed.is_set() or text == FAIL:
            raise CallFailed("no\n" * 1000)
        return Answer(output=f"You said: {text}")

    def close(self) -> None:
        self._closed.set()


def open_echo(calling: Calling, root: Path, environment: Mapping[str, str]) -> Provider:
    if calling.provider != "echo":
        raise ConfigInvalid(f"{calling.provider} takes no argument")
    return Echo()


@pytest.fixture
def echo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PROVIDERS, "echo", ProviderKind("echo", False, open_echo))


@pytest.mark.usefixtures("echo")
class TestPluggedIn(ProviderContract):
    declared = "echo"
    broken = "echo:louder"
    trusted = True


# --- the table --------------------------------------------------------------------------------------------


def spec(provider: str) -> RunSpec:
    return RunSpec(
        name="mini", prompt=RepoPath("prompts/a.md"), examples=RepoPath("examples/t.jsonl"), provider=provider
    )


@pytest.mark.usefixtures("echo")
def test_a_run_is_done_by_a_provider_that_is_plugged_in(tmp_path: Path) -> None:
    settings = SETTINGS.replace("python:rule_model:answer", "echo").replace("exact:", "contains:")
    project = Project(tmp_path / "p", tickets(4), settings)
    assert project.run().called == 4
    assert project.rows()[0]["output"] == "You said: word0 and more 0"
    assert what_needs_trust(spec("echo")) == []


def test_code_and_what_is_not_known_need_trust() -> None:
    for provider in ("python:m:answer", "command:./model", "anthropic", "anthropic:large", ""):
        assert runs_code(provider)
        assert what_needs_trust(spec(provider)) == [provider]
    for provider in ("openai", "openai:other"):
        assert not runs_code(provider)
        assert what_needs_trust(spec(provider)) == []


@pytest.mark.usefixtures("echo")
def test_the_hint_lists_the_table(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match="no provider 'anthropic'") as caught:
        provider_of(Calling(provider="anthropic", model="m"), tmp_path, {})
    assert caught.value.hint == "it is openai, python:package.module:function, command:./program or echo"
