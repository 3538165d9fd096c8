"""Who answers requests: functions, programs, and a real server of the chat-completions protocol."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from email.utils import formatdate
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from promptvc.content.runs.request import Calling, Request
from promptvc.errors import ConfigInvalid, PromptvcError, Refused
from promptvc.runs.providers.answer import LONGEST_MESSAGE
from promptvc.runs.providers.command import CommandProvider
from promptvc.runs.providers.openai import retry_after
from promptvc.runs.providers.registry import Answer, CallFailed, Provider, provider_of
from tests.runs.providers.chat_server import ChatServer

MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Where is Berlin?"}]
KEY = "sk-test-0123456789"


def request(text: str = "Where is Berlin?", sample: int = 0) -> Request:
    return Request("t-1", sample, [MESSAGES[0], {"role": "user", "content": text}], "0" * 64)


class Here:
    """A project's folder, in which functions and programs are written and asked."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.environment: Mapping[str, str] = {"PATH": os.environ["PATH"], "SAID": "from outside"}

    def write(self, path: str, text: str, mode: int = 0o644) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text))
        file.chmod(mode)
        return file

    def program(self, text: str) -> None:
        """Write ``model``: a program in Python, with the question as ``q``."""
        head = f"#!{sys.executable}\nimport json, os, sys, time\nq = json.load(sys.stdin)\n"
        self.write("model", head + textwrap.dedent(text), 0o755)

    def open(self, provider: str, **options: Any) -> Provider:
        return provider_of(Calling(provider=provider, model="tiny-1", **options), self.root, self.environment)

    def ask(self, provider: str, asked: Request | None = None, **options: Any) -> Answer:
        calling = Calling(provider=provider, model="tiny-1", **options)
        with closing(provider_of(calling, self.root, self.environment)) as made:
            return made.call(calling, asked or request())


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Here]:
    before = set(sys.modules), list(sys.path)
    yield Here(tmp_path)
    assert sys.path == before[1]
    for name in set(sys.modules) - before[0]:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


def failure(ask: Callable[[], object]) -> CallFailed:
    with pytest.raises(CallFailed) as caught:
        ask()
    assert "\n" not in caught.value.message
    assert len(caught.value.message) <= LONGEST_MESSAGE
    return caught.value


# --- choosing ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("provider", "says"),
    [
        ("anthropic", "no provider 'anthropic'"),
        ("", "no provider"),
        ("python:", "names no function"),
        ("python:my_model", "names no function"),
        ("python:no_such_model:answer", "no module no_such_model"),
        ("python:no.such.model:answer", "no module no"),
        ("python:json:dumpz", "json has no dumpz"),
        ("python:json:__doc__", "not a function"),
        ("command:", "names no program"),
        ("command:'./model", "cannot be read"),
        ("command:./model.sh", "there is no file"),
        ("command:no-such-program-here", "no program no-such-program-here"),
    ],
)
def test_what_cannot_work_is_told_at_once(here: Here, provider: str, says: str) -> None:
    with pytest.raises(ConfigInvalid, match=says) as caught:
        here.open(provider)
    assert "\n" not in caught.value.message


def test_hints_say_what_to_do(here: Here) -> None:
    here.write("model.sh", "#!/bin/sh\n")
    for provider, hint in [
        ("python:json:load_s", "did you mean python:json:loads?"),
        ("command:./model.sh", f"chmod +x {here.root}/model.sh"),
    ]:
        with pytest.raises(ConfigInvalid) as caught:
            here.open(provider)
        assert caught.value.hint == hint


# --- functions --------------------------------------------------------------------------------------------


def test_a_function_is_given_the_request_and_gives_a_text(here: Here) -> None:
    here.write("texts.py", "def answer(messages, model, params): return repr((messages, model, params))")
    found = here.ask("python:texts:answer", params={"temperature": 0})
    assert found == Answer(repr((MESSAGES, "tiny-1", {"temperature": 0})))


def test_a_function_may_give_all_there_is_to_tell(here: Here) -> None:
    here.write(
        "dicts.py",
        """
        def answer(messages, model, params):
            return {"text": "Berlin", "finish_reason": "stop", "input_tokens": 5, "output_tokens": 1.0,
                    "cost_usd": 0.25, "model": "tiny-1-b", "tool_calls": [{"id": "x"}], "more": "left out"}
        """,
    )
    assert here.ask("python:dicts:answer") == Answer("Berlin", "stop", 5, 1, 0.25, "tiny-1-b", [{"id": "x"}])


def test_a_function_is_given_by_name_what_it_takes(here: Here) -> None:
    here.write(
        "names.py",
        """
        def some(messages, model, params, *, sample_index): return f"{sample_index}"
        def all(messages, model, params, **more): return ",".join(f"{k}={more[k]}" for k in sorted(more))
        class Model:
            def __call__(self, messages, model, params, tools=None): return f"{tools}"
        model = Model()
        """,
    )
    asked = request(sample=3)
    assert here.ask("python:names:some", asked).output == "3"
    assert (
        here.ask("python:names:all", asked, tools=[1]).output
        == "response_format=None,sample_index=3,tools=[1]"
    )
    assert here.ask("python:names:model", asked, tools=[1]).output == "[1]"


def test_what_a_function_changes_stays_with_it(here: Here) -> None:
    here.write(
        "changes.py",
        """
        def answer(messages, model, params):
            messages[0]["content"] = "changed"
            params["stop"].append("x")
            messages.clear()
            return "done"
        """,
    )
    asked, params = request(), {"stop": ["a"]}
    here.ask("python:changes:answer", asked, params=params)
    assert (asked, params) == (request(), {"stop": ["a"]})


def test_what_a_function_raises_is_one_line_and_final(here: Here) -> None:
    here.write(
        "raises.py",
        """
        import sys
        def error(*given): raise ValueError("no such\\n   city " + "x" * 1000)
        def left(*given): sys.exit(4)
        """,
    )
    failed = failure(lambda: here.ask("python:raises:error"))
    assert failed.message.startswith("ValueError: no such city xxx")
    assert not failed.retry
    assert failure(lambda: here.ask("python:raises:left")).message == "SystemExit: 4 (raises.py, line 4)"


@pytest.mark.parametrize(
    ("gives", "says"),
    [
        ("None", "gave None, neither"),
        ("3", "gave 3, neither"),
        ("{}", "neither a text nor a dict with output"),
        ("{'output': 3}", "gave 3 as output, which must be text"),
        ("{'output': 'x', 'input_tokens': -1}", "a number from 0"),
        ("{'output': 'x', 'input_tokens': True}", "a number from 0"),
        ("{'output': 'x', 'input_tokens': 1.5}", "a whole number"),
        ("{'output': 'x', 'cost_usd': float('nan')}", "a number from 0"),
        ("{'output': 'x', 'tool_calls': 'y'}", "must be a list"),
    ],
)
def test_what_is_no_answer_is_a_failed_call(here: Here, gives: str, says: str) -> None:
    here.write("wrong.py", f"def answer(messages, model, params): return {gives}")
    assert says in failure(lambda: here.ask("python:wrong:answer")).message
    del sys.modules["wrong"]


def test_a_function_may_say_that_it_failed(here: Here) -> None:
    here.write(
        "busy.py",
        "def answer(messages, model, params): return {'error': 'busy', 'retry': True, 'retry_after': 2}",
    )
    failed = failure(lambda: here.ask("python:busy:answer"))
    assert (failed.message, failed.retry, failed.after) == ("busy", True, 2)


def test_async_functions_share_one_loop(here: Here) -> None:
    here.write(
        "waits.py",
        """
        import asyncio
        seen = set()
        async def answer(messages, model, params):
            seen.add(id(asyncio.get_running_loop()))
            await asyncio.sleep(0.01)
            return f"{messages[-1]['content']} {len(seen)}"
        async def forever(messages, model, params):
            await asyncio.sleep(1000)
        """,
    )
    calling = Calling(provider="python:waits:answer", model="tiny-1")
    with closing(here.open(calling.provider)) as provider, ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: provider.call(calling, request(f"{n}")).output, range(40)))
    assert found == [f"{n} 1" for n in range(40)]
    assert_ends_when_closed(
        here.open("python:waits:forever"), Calling(provider="python:waits:forever", model="tiny-1")
    )


def assert_ends_when_closed(
    provider: Provider, calling: Calling, begun: Callable[[], bool] = lambda: True
) -> None:
    """A call that would take long fails as soon as the provider is closed, and so does every later one."""
    failed: list[CallFailed] = []
    thread = Thread(target=lambda: failed.append(failure(lambda: provider.call(calling, request()))))
    thread.start()
    until = time.monotonic() + 30
    while not begun() and time.monotonic() < until:
        time.sleep(0.01)
    time.sleep(0.1)
    assert thread.is_alive()
    provider.close()
    thread.join(10)
    assert not thread.is_alive()
    assert not failed[0].retry
    failure(lambda: provider.call(calling, request()))
    provider.close()


def test_the_project_s_own_module_is_taken_and_each_project_has_its_own(tmp_path: Path) -> None:
    one, two = Here(tmp_path / "one"), Here(tmp_path / "two")
    for place in (one, two):
        place.write("pkg/__init__.py", "")
        place.write("pkg/model.py", f"def answer(*given): return {place.root.name!r}")
    assert [place.ask("python:pkg.model:answer").output for place in (one, two, one)] == ["one", "two", "one"]
    for name in ("pkg", "pkg.model"):
        del sys.modules[name]


def test_a_module_that_fails_to_import_says_why(here: Here) -> None:
    here.write("needs.py", "import no_such_package_anywhere")
    here.write("broken.py", "def answer(:")
    here.write("leaves.py", "import sys; sys.exit(3)")
    for name, says in [
        ("needs", "needs imports no_such_package_anywhere, which is not there"),
        ("broken", "importing broken failed: SyntaxError"),
        ("leaves", "importing leaves failed: SystemExit: 3"),
    ]:
        with pytest.raises(ConfigInvalid, match=says):
            here.open(f"python:{name}:answer")


# --- programs ---------------------------------------------------------------------------------------------


def test_a_program_reads_the_request_and_writes_a_text(here: Here) -> None:
    here.program('print("Où?", sys.argv[1:], os.getcwd(), os.environ["SAID"], json.dumps(q, sort_keys=True))')
    found = here.ask("command:./model --fast 'a b'", request(sample=2), params={"top_p": 1}, tools=[{"x": 1}])
    question = {
        "messages": MESSAGES, "model": "tiny-1", "params": {"top_p": 1}, "tools": [{"x": 1}],
        "response_format": None, "sample_index": 2,
    }  # fmt: skip
    told = json.dumps(question, sort_keys=True)
    assert found == Answer(f"Où? ['--fast', 'a b'] {here.root} from outside {told}")


def test_a_program_may_write_json(here: Here) -> None:
    here.program('print(json.dumps({"output": "Berlin\\n", "input_tokens": 4, "model": "m"}))')
    assert here.ask("command:./model") == Answer("Berlin\n", input_tokens=4, response_model="m")
    here.program('print(json.dumps({"error": "try later", "retry": True}))')
    assert failure(lambda: here.ask("command:./model")).retry


@pytest.mark.parametrize("text", ['{"city": "Berlin"}', "[1]", '"Berlin"', "42", "null", "a\n\n", "", "{"])
def test_json_that_is_the_answer_itself_is_text(here: Here, text: str) -> None:
    here.program(f"sys.stdout.write({text!r} + '\\n')")
    assert here.ask("command:./model").output == text


def test_programs_are_found_on_the_path(here: Here) -> None:
    assert here.ask("command:sh -c 'cat >/dev/null; echo $0 $SAID' x").output == "x from outside"


@pytest.mark.parametrize(
    ("code", "says", "retry"),
    [
        ("sys.exit('why\\nit failed\\n\\n')", "exit code 1: it failed", False),
        ("sys.exit(75)", "exit code 75", True),
        ("os.kill(os.getpid(), 9)", "stopped by SIGKILL", False),
        ("sys.stdout.buffer.write(b'\\xff')", "not UTF-8", False),
        ("print('{\"output\": 3}')", "must be text", False),
    ],
)
def test_a_program_that_fails(here: Here, code: str, says: str, retry: bool) -> None:
    here.program(code)
    failed = failure(lambda: here.ask("command:./model"))
    assert says in failed.message
    assert failed.retry is retry


def test_a_program_that_does_not_read_and_one_that_cannot_start(here: Here) -> None:
    here.write("model", "#!/bin/sh\necho yes\n", 0o755)
    assert here.ask("command:./model", request("x" * 1_000_000)).output == "yes"
    here.write("model", "#!/no/such/interpreter\n", 0o755)
    assert "cannot be started" in failure(lambda: here.ask("command:./model")).message


def test_a_program_that_takes_too_long_is_stopped_with_what_it_started(here: Here) -> None:
    here.write("model", "#!/bin/sh\nsleep 1000 &\necho $! >inner\nwait\n", 0o755)
    provider = CommandProvider("./model", here.root, here.environment, timeout=1)
    failed = failure(lambda: provider.call(Calling(provider="command:./model", model="tiny-1"), request()))
    assert failed.message == "command:./model gave no answer in 1 s"
    assert_gone(int((here.root / "inner").read_text()))


def test_closing_stops_programs_under_way(here: Here) -> None:
    here.write("model", "#!/bin/sh\nsleep 1000 &\necho $! >inner\nwait\n", 0o755)
    calling, inner = Calling(provider="command:./model", model="tiny-1"), here.root / "inner"
    assert_ends_when_closed(
        here.open(calling.provider), calling, lambda: inner.exists() and inner.read_text() != ""
    )
    assert_gone(int(inner.read_text()))


def assert_gone(pid: int) -> None:
    for _ in range(500):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return
        if state in "ZX":
            return
        time.sleep(0.01)
    pytest.fail(f"{pid} still runs")


# --- a server ---------------------------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as made:
        yield made


class Client:
    """The openai provider, opened for a server."""

    def __init__(self, server: ChatServer, environment: Mapping[str, str], **options: Any) -> None:
        self.calling = Calling(provider="openai", model="tiny-1", base_url=server.url, **options)
        self.provider = provider_of(self.calling, Path(), environment)

    def __call__(self, text: str = "Where is Berlin?") -> Answer:
        return self.provider.call(self.calling, request(text))


@pytest.fixture
def client(server: ChatServer) -> Iterator[Client]:
    made = Client(server, {"OPENAI_API_KEY": KEY})
    yield made
    made.provider.close()


def test_a_server_answers(server: ChatServer, client: Client) -> None:
    answer = Answer("You said: Where is Berlin?", "stop", 5, 5, response_model="tiny-1-2026-01-01")
    assert client() == answer
    assert server.bodies == [{"messages": MESSAGES, "model": "tiny-1"}]
    assert server.keys == [f"Bearer {KEY}"]


def test_parameters_go_into_the_body_those_of_other_services_too(server: ChatServer) -> None:
    import datetime

    params = {
        "temperature": 0,
        "stop": ["x"],
        "top_k": 4,
        "provider": {"order": ["a"]},
        "day": datetime.date(2026, 1, 2),
    }
    tools, form = [{"type": "function", "function": {"name": "f"}}], {"type": "json_object"}
    with closing(Client(server, {}, params=params, tools=tools, response_format=form).provider) as provider:
        provider.call(
            Calling(
                provider="openai",
                model="tiny-1",
                params=params,
                tools=tools,
                response_format=form,
                base_url=server.url,
            ),
            request(),
        )
    [body] = server.bodies
    assert body == {
        "messages": MESSAGES, "model": "tiny-1", "tools": tools, "response_format": form, **params,
        "day": "2026-01-02",
    }  # fmt: skip
    assert server.keys == ["Bearer none"]


def test_the_address_may_come_from_the_environment_and_that_of_the_run_stands(
    server: ChatServer, here: Here
) -> None:
    here.environment = {"OPENAI_BASE_URL": server.url}
    here.ask("openai:local")
    here.environment = {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "http_proxy": "http://127.0.0.1:9"}
    here.ask("openai:local", base_url=server.url)
    assert server.answered == 2


def test_a_proxy_is_not_asked_for_this_machine(
    server: ChatServer, here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    here.ask("openai", base_url=server.url)
    assert server.answered == 1


@pytest.mark.parametrize(
    ("options", "environment", "says"),
    [
        ({}, {}, "has no OPENAI_API_KEY"),
        ({"base_url": "localhost:8000"}, {}, "no http address"),
        ({"params": {"stream": True}}, {"OPENAI_API_KEY": KEY}, "cannot be streamed"),
        ({"params": {"n": 2}}, {"OPENAI_API_KEY": KEY}, "several answers"),
        ({"params": {"model": "x"}}, {"OPENAI_API_KEY": KEY}, "model cannot be one of the params"),
        ({"params": {"extra_headers": {}}}, {"OPENAI_API_KEY": KEY}, "extra_headers cannot be"),
    ],
)
def test_settings_that_cannot_work(
    here: Here, options: dict[str, Any], environment: dict[str, str], says: str
) -> None:
    here.environment = environment
    with pytest.raises(PromptvcError, match=says) as caught:
        here.open("openai", **options)
    assert caught.value.hint


def test_the_package_may_be_absent(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(Refused, match="needs the package openai"):
        here.open("openai", base_url="http://127.0.0.1:9/v1")


@pytest.mark.parametrize(
    ("what", "says", "after"),
    [
        ("429", "127.0.0.1 answered 429: this is error 429", None),
        ("429:3", "127.0.0.1 answered 429: this is error 429", 3.0),
        ("429:0", "127.0.0.1 answered 429: this is error 429", 0.0),
        ("429:ms:250", "127.0.0.1 answered 429: this is error 429", 0.25),
        ("500", "127.0.0.1 answered 500: this is error 500", None),
        ("503:overloaded", "127.0.0.1 answered 503: overloaded", None),
        ("408", "127.0.0.1 answered 408: this is error 408", None),
        ("cut", "no answer from 127.0.0.1: ", None),
        ("drop", "no answer from 127.0.0.1: ", None),
        ("malformed", "the answer is not JSON", None),
    ],
)
def test_what_may_work_later(
    server: ChatServer, client: Client, what: str, says: str, after: float | None
) -> None:
    server.misbehave(what)
    failed = failure(client)
    assert failed.message.startswith(says)
    assert failed.retry
    assert failed.after == after
    assert server.requests == 1, "asking again is the runner's business"
    assert client("and now?").output == "You said: and now?"


def test_retry_after_as_a_date(server: ChatServer, client: Client) -> None:
    server.misbehave("429:date:40")
    failed = failure(client)
    assert failed.after is not None
    assert 30 < failed.after <= 40


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("400:no such\n model", "127.0.0.1 answered 400: no such model"),
        ("401", "127.0.0.1 answered 401: this is error 401"),
        ("404:no tiny-1 here", "127.0.0.1 answered 404: no tiny-1 here"),
        ("422", "127.0.0.1 answered 422: this is error 422"),
        ("429:quota", "127.0.0.1 answered 429: quota"),
        ("empty", "the answer has no choices"),
    ],
)
def test_what_will_not_work(server: ChatServer, client: Client, what: str, says: str) -> None:
    server.misbehave(what)
    failed = failure(client)
    assert (failed.message, failed.retry, failed.after) == (
        says.replace(": quota", ": this is error 429"),
        False,
        None,
    )


def test_no_server_and_a_slow_one(
    server: ChatServer, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    import openai

    monkeypatch.setitem(vars(client.provider), "_timeout", openai.Timeout(0.2))
    server.misbehave("slow:1")
    failed = failure(client)
    assert (failed.message, failed.retry) == ("127.0.0.1 did not answer in time", True)
    with ChatServer() as gone:
        late = Client(gone, {})
    with closing(late.provider):
        failed = failure(late)
    assert "refused" in failed.message
    assert failed.retry


def test_the_key_is_in_no_error_and_no_repr(server: ChatServer, client: Client) -> None:
    server.misbehave(f"401:Incorrect API key provided: {KEY}")
    failed = failure(client)
    assert failed.message == "127.0.0.1 answered 401: Incorrect API key provided: ***"
    assert failed.__cause__ is None
    assert KEY not in repr(client.provider) + repr(failed)


def test_threads_share_a_client(server: ChatServer, client: Client) -> None:
    server.delay = 0.01
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda n: client(f"{n}").output, range(200)))
    assert found == [f"You said: {n}" for n in range(200)]
    assert server.stats()["statuses"] == {"answered": 200}
    assert server.most_in_flight > 1


def test_closing_wakes_those_who_wait_for_a_server(server: ChatServer, client: Client) -> None:
    server.misbehave("slow:5")
    begun = time.monotonic()
    assert_ends_when_closed(client.provider, client.calling, lambda: server.requests == 1)
    assert time.monotonic() - begun < 4


@pytest.mark.parametrize(
    ("message", "output", "calls"),
    [
        ({"content": None, "tool_calls": [{"id": "c1"}]}, None, [{"id": "c1"}]),
        ({"content": None, "refusal": "I cannot."}, "I cannot.", None),
        ({"content": ""}, "", None),
        ({"content": 3, "tool_calls": 4}, None, None),
    ],
)
def test_other_answers(
    server: ChatServer,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    message: Any,
    output: str | None,
    calls: Any,
) -> None:
    value = {"choices": [{"message": message}], "usage": {"prompt_tokens": 3, "cost": 0.5}}
    monkeypatch.setattr(server, "completion", lambda body: value)
    assert client() == Answer(output, None, 3, None, 0.5, None, calls)


@pytest.mark.parametrize(
    ("value", "says", "retry"),
    [
        ({"error": {"message": "upstream is busy", "code": 502}}, "upstream is busy", True),
        ({"error": {"message": "no credits", "code": 402}}, "no credits", False),
        ({"error": "out of memory"}, "out of memory", False),
        ([], "the answer has no choices", False),
    ],
)
def test_errors_inside_of_answers(
    server: ChatServer, client: Client, monkeypatch: pytest.MonkeyPatch, value: Any, says: str, retry: bool
) -> None:
    monkeypatch.setattr(server, "completion", lambda body: value)
    failed = failure(client)
    assert (failed.message, failed.retry) == (says, retry)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "7", "retry-after-ms": "20"}, 0.02),
        ({"retry-after": formatdate(1_800_000_010, usegmt=True)}, 10.0),
        ({"retry-after": formatdate(1_700_000_000, usegmt=True)}, 0.0),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Mon, 99 Foo 2026 99:99:99 GMT"}, None),
    ],
)
def test_retry_after_is_read(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, 1_800_000_000) == seconds


# --- the server itself ------------------------------------------------------------------------------------


def test_the_server_runs_as_a_process(tmp_path: Path) -> None:
    script, port_file = Path(__file__).with_name("chat_server.py"), tmp_path / "port"
    process = subprocess.Popen([sys.executable, str(script), str(port_file)])
    try:
        until = time.monotonic() + 30
        while not port_file.exists() and time.monotonic() < until:
            time.sleep(0.02)
        base = f"http://127.0.0.1:{port_file.read_text()}"

        def fetch(path: str, value: Any = None) -> Any:
            data = None if value is None else json.dumps(value).encode()
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(urllib.request.Request(base + path, data)) as response:
                return json.load(response)

        fetch("/script", {"next": ["500"], "every": {"3": "429:0"}})
        calling = Calling(provider="openai", model="tiny-1", base_url=f"{base}/v1")
        with closing(provider_of(calling, tmp_path, {})) as provider:
            failure(lambda: provider.call(calling, request()))
            provider.call(calling, request())
            failure(lambda: provider.call(calling, request()))
        statuses = {"500": 1, "answered": 1, "429:0": 1}
        assert fetch("/stats") == {"requests": 3, "answered": 1, "statuses": statuses, "most_in_flight": 1}
        assert fetch("/reset", {})["requests"] == 0
    finally:
        process.kill()
        process.wait()
