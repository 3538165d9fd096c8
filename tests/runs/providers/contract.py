"""What every provider promises, whatever answers: each one subclasses this suite."""

from __future__ import annotations

import copy
import os
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from promptvc.content.runs.request import Calling, Request
from promptvc.errors import ConfigInvalid, Refused
from promptvc.runs.providers.answer import LONGEST_MESSAGE
from promptvc.runs.providers.registry import PROVIDERS, Answer, CallFailed, Provider, provider_of, runs_code

FAIL, SLOW = "fail", "slow"
"""Texts that are answered by a failure of many lines, and after a minute; another text is told back."""


def request(text: str) -> Request:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": text}]
    return Request("t-1", 0, messages, "0" * 64)


class ProviderContract:
    """The suite. A subclass says what is declared, and prepares what answers in `prepare`.

    - ``declared``: the provider; ``broken``: one of its kind that cannot work; ``trusted``: whether it may be called
      without a yes, since it runs no code that the configuration names.
    """

    declared: str
    broken: str
    trusted = False
    options: Mapping[str, Any] = {}
    environment: Mapping[str, str] = {"PATH": os.environ["PATH"]}

    def prepare(self, root: Path) -> None:
        """Write what is asked into the project's folder."""

    def expect(self, text: str) -> None:
        """Called before a request of this text, for what has to be told how to answer."""

    @pytest.fixture
    def calling(self, tmp_path: Path) -> Calling:
        self.prepare(tmp_path)
        return Calling(provider=self.declared, model="tiny-1", params={"stop": ["x"]}, **self.options)

    @pytest.fixture
    def provider(self, calling: Calling, tmp_path: Path) -> Iterator[Provider]:
        made = provider_of(calling, tmp_path, self.environment)
        yield made
        made.close()

    def ask(self, provider: Provider, calling: Calling, text: str) -> Answer:
        self.expect(text)
        return provider.call(calling, request(text))

    # --- as one of its kind -------------------------------------------------------------------------------

    def test_its_kind_is_in_the_table_and_says_whether_it_runs_code(self) -> None:
        kind = self.declared.partition(":")[0]
        assert PROVIDERS[kind].usage.startswith(kind)
        assert runs_code(self.declared) is PROVIDERS[kind].runs_code is not self.trusted

    def test_what_cannot_work_is_told_when_it_is_opened(self, tmp_path: Path) -> None:
        with pytest.raises((ConfigInvalid, Refused)) as caught:
            provider_of(Calling(provider=self.broken, model="tiny-1"), tmp_path, {})
        assert "\n" not in caught.value.message

    # --- a call -------------------------------------------------------------------------------------------

    def test_a_request_is_answered(self, provider: Provider, calling: Calling) -> None:
        answer = self.ask(provider, calling, "Where is Berlin?")
        assert isinstance(answer, Answer)
        assert answer.output == "You said: Where is Berlin?"

    def test_what_is_asked_stays_as_it_is(self, provider: Provider, calling: Calling) -> None:
        asked, as_it_was = request("Hello"), copy.deepcopy((request("Hello"), calling))
        self.expect("Hello")
        provider.call(calling, asked)
        assert (asked, calling) == as_it_was

    def test_any_text_comes_through(self, provider: Provider, calling: Calling) -> None:
        text = 'Grüße "quoted"\n\ttwo lines — 日本 🎈 {{ x }} $HOME'
        assert self.ask(provider, calling, text).output == f"You said: {text}"

    def test_a_call_that_fails_says_why_in_one_line(self, provider: Provider, calling: Calling) -> None:
        with pytest.raises(CallFailed) as caught:
            self.ask(provider, calling, FAIL)
        message = caught.value.message
        assert message
        assert "\n" not in message
        assert len(message) <= LONGEST_MESSAGE
        assert isinstance(caught.value.retry, bool)

    def test_after_a_failure_the_next_request_is_answered(self, provider: Provider, calling: Calling) -> None:
        with pytest.raises(CallFailed):
            self.ask(provider, calling, FAIL)
        assert self.ask(provider, calling, "again").output == "You said: again"

    def test_several_threads_get_each_its_own_answer(self, provider: Provider, calling: Calling) -> None:
        texts = [f"number {number}" for number in range(12)]
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda text: self.ask(provider, calling, text).output, texts))
        assert answers == [f"You said: {text}" for text in texts]

    # --- the end ------------------------------------------------------------------------------------------

    def test_closing_ends_the_calls_under_way(self, provider: Provider, calling: Calling) -> None:
        ended: list[BaseException] = []

        def wait() -> None:
            try:
                self.ask(provider, calling, SLOW)
            except CallFailed as error:
                ended.append(error)

        thread = threading.Thread(target=wait, daemon=True)
        thread.start()
        time.sleep(0.5)
        assert thread.is_alive()
        provider.close()
        thread.join(15)
        assert not thread.is_alive()
        assert len(ended) == 1

    def test_it_may_be_closed_more_than_once_and_gives_no_answer_afterwards(
        self, provider: Provider, calling: Calling
    ) -> None:
        self.ask(provider, calling, "Hello")
        provider.close()
        provider.close()
        with pytest.raises(CallFailed):
            self.ask(provider, calling, "Hello")
