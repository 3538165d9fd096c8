"""A declared run with its prompt and examples at one version: the requests it makes, row by row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from promptvc.content.formats.base import Row
from promptvc.content.formats.dicts import is_malformed
from promptvc.content.prompt.prompt import Prompt, read_prompt
from promptvc.content.runs.request import Calling, Request, calling_of, example_ids, fingerprint, requests
from promptvc.content.runs.run import Pin, RunRecord
from promptvc.content.runs.spec import RunSpec
from promptvc.content.table.view import Table
from promptvc.content.text.near import did_you_mean
from promptvc.errors import Advice, PathMissing, RunMissing, RunUnreadable, Usage
from promptvc.runs.execute.kept import KeptRequests
from promptvc.runs.sources import RunSource, pin_of
from promptvc.session.files.views import FileView
from promptvc.session.workspace.snapshot import table_of


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A run that is ready to give its requests. ``key`` are the fields that identify an example.

    With ``kept``, requests are rendered and hashed once, however often they are read.
    """

    spec: RunSpec
    prompt: Prompt
    prompt_pin: Pin
    table: Table
    examples_file: FileView
    key: tuple[str, ...] | None
    calling: Calling
    kept: KeptRequests | None = None

    @cached_property
    def examples_pin(self) -> Pin:
        """The pin of the examples."""
        return pin_of(self.examples_file)

    def examples(self) -> Iterator[tuple[str, Row]]:
        """The example rows with their ids; raises `RunUnreadable` for a row that cannot be read."""
        for number, (id, row) in enumerate(example_ids(self.table, self.key), 1):
            if is_malformed(row):
                raise RunUnreadable(
                    f"{self.table.path}: row {number} cannot be read",
                    Advice("show-rows", path=self.table.path),
                )
            yield id, row

    def requests(self) -> Iterator[Request]:
        """Every request, in the order of the output rows; raises `RenderFailed`, naming the example."""
        return self.kept.through(self._rendered) if self.kept is not None else self._rendered()

    def _rendered(self) -> Iterator[Request]:
        return requests(self.spec, self.calling, self.prompt, self.examples())

    def count(self) -> int:
        """How many requests there are."""
        return len(self.table) * self.spec.samples

    def record(self) -> RunRecord:
        """The record of this run, without what depends on its rows and scorers."""
        spec, calling = self.spec, self.calling
        return RunRecord(
            name=spec.name,
            prompt=self.prompt_pin,
            examples=self.examples_pin,
            example_key=self.key,
            provider=calling.provider,
            base_url=calling.base_url,
            model=calling.model,
            params=calling.params,
            tools=calling.tools,
            response_format=calling.response_format,
            samples=spec.samples,
            inputs=spec.inputs,
            slices=spec.slices,
        )

    def asks_as(self, record: RunRecord) -> bool:
        """Whether its requests are those that a record was made with, decided without looking at them."""
        return (
            not record.recorded
            and record.prompt is not None
            and record.examples is not None
            and (record.prompt, record.examples) == (self.prompt_pin, self.examples_pin)
            and tuple(record.example_key or ()) == tuple(self.key or ())
            and self.calls_as(record)
            and record.samples == self.spec.samples
            and dict(record.inputs) == dict(self.spec.inputs)
        )

    def calls_as(self, record: RunRecord) -> bool:
        """Whether a record was made with the same provider, model and parameters, as far as fingerprints cover them."""
        then = Calling(
            provider=record.provider or "",
            model=record.model or "",
            params=record.params,
            tools=record.tools,
            response_format=record.response_format,
            base_url=record.base_url,
        )
        return fingerprint(then, ()) == fingerprint(self.calling, ())


def prepare(source: RunSource, spec: RunSpec) -> Prepared:
    """A declared run at this version; raises `PathMissing`, `NotAPrompt`, `NotATable`, `Usage`."""
    for path, what in ((spec.prompt, "prompt"), (spec.examples, "examples")):
        if path not in source.files:
            raise PathMissing(
                f"runs.{spec.name}.{what}: {source.label} has no file {path}",
                "promptvc.toml names it; correct it there",
            )
    file, rows = source.file(spec.prompt), source.file(spec.examples)
    prompt = read_prompt(spec.prompt, file.read())
    strange = next((name for name in spec.inputs if name not in prompt.variables), None)
    if strange is not None:
        known = ", ".join(prompt.variables) or "none"
        raise Usage(
            f"runs.{spec.name}.inputs: {spec.prompt} has no variable {strange!r}", f"its variables: {known}"
        )
    calling = calling_of(spec, prompt)
    key = table_of(
        rows, source.project
    ).key  # from a separate table: one that guessed its key keeps an index of all rows
    return Prepared(
        spec=spec,
        prompt=prompt,
        prompt_pin=pin_of(file),
        table=table_of(rows, source.project),
        examples_file=rows,
        key=key,
        calling=calling,
    )


def declared(runs: Mapping[str, RunSpec], name: str) -> RunSpec:
    """The declaration of a run; raises `RunMissing`."""
    if name not in runs:
        known = f"there is {', '.join(list(runs)[:8])}" if runs else "[runs.NAME] declares one"
        raise RunMissing(f"promptvc.toml declares no run {name!r}", did_you_mean(name, runs, known))
    return runs[name]
