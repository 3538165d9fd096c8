"""Reports of checks: JUnit XML for CI servers, Markdown for comments and summaries."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from xml.etree import ElementTree as ET

from promptvc.content.formats.base import Json
from promptvc.content.formats.words import plural
from promptvc.content.keys.tokens import output_name
from promptvc.content.runs.run import Score
from promptvc.patterns import compiled
from promptvc.runs.check.results import CheckResult, GateResult
from promptvc.runs.check.rows import GateRow
from promptvc.runs.compare.report.numbers import plain

SHOWN = 10
"""Rows of a gate that are shown by default."""

# All characters that the production Char of XML 1.0 excludes (https://www.w3.org/TR/xml/#charsets), and surrogates.
_NOT_XML = compiled("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TEXT_LENGTH, _CELL_LENGTH = 2000, 160


# --- JUnit ----------------------------------------------------------------------------------------------------


def junit(results: Sequence[CheckResult], shown: int = SHOWN) -> bytes:
    """JUnit XML as GitHub, GitLab and Jenkins read it: a suite per check, a case per gate and per row of ``must_pass``.

    ``shown`` is how many rows the failure text of a gate lists.
    """
    root = ET.Element("testsuites", name="promptvc check")
    tests = failures = 0
    for result in results:
        suite = _suite(result, shown)
        tests, failures = tests + int(suite.get("tests", 0)), failures + int(suite.get("failures", 0))
        root.append(suite)
    _count(root, tests, failures)
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _suite(result: CheckResult, shown: int) -> ET.Element:
    suite = ET.Element("testsuite", name=_xml(result.name))
    failures = 0
    for gate in result.gates:
        suite.append(_gate_case(result, gate, shown))
        failures += not gate.passed
        rows = iter(gate.rows if gate.places else ())  # in the order of the places, so one at a time will do
        row = next(rows, None)
        for place in gate.places:
            fails = row is not None and (row.example_id, row.sample_index) == place
            suite.append(_row_case(result, gate, place, row if fails else None))
            failures += fails
            row = next(rows, None) if fails else row
    _count(suite, len(suite), failures)
    return suite


def _gate_case(result: CheckResult, gate: GateResult, shown: int) -> ET.Element:
    case = _case(result, gate.name)
    if not gate.passed:
        rows = [row_words(row) for row in gate.rows[:shown]]
        more = more_words(len(gate.rows) - len(rows))
        _fail(
            case, gate.words, "\n".join([gate.words, *rows, *more, *([result.hint] if result.hint else [])])
        )
    return case


def _row_case(
    result: CheckResult, gate: GateResult, place: tuple[str, int], row: GateRow | None
) -> ET.Element:
    example, sample = place
    case = _case(result, f"{gate.name}: {output_name(example, sample)}")
    if row is not None:
        _fail(case, why_words(row), row_words(row))
    return case


def _case(result: CheckResult, name: str) -> ET.Element:
    return ET.Element("testcase", classname=_xml(f"{result.run}.{result.name}"), name=_xml(name), time="0")


def _fail(case: ET.Element, message: str, text: str) -> None:
    failure = ET.SubElement(case, "failure", message=_xml(message), type="gate")
    failure.text = _xml(text)


def _count(element: ET.Element, tests: int, failures: int) -> None:
    counts = {"tests": tests, "failures": failures, "errors": 0, "skipped": 0, "time": 0}
    for name, count in counts.items():
        element.set(name, str(count))


def _xml(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)


# --- Markdown -------------------------------------------------------------------------------------------------


def markdown(results: Sequence[CheckResult], shown: int = SHOWN) -> str:
    """GitHub's Markdown: for each check a table of its gates, and the rows of the failed ones."""
    return "\n".join(line for result in results for line in _markdown_lines(result, shown))


def _markdown_lines(result: CheckResult, shown: int) -> Iterator[str]:
    yield f"### {_sign(result.passed)} {_plain(result.name)}: {_plain(result.run)}, {summary(result)}"
    yield ""
    yield "| | gate | found |"
    yield "|---|---|---|"
    for gate in result.gates:
        yield f"| {_sign(gate.passed)} | {_code(gate.name)} | {_plain(gate.words)} |"
    yield ""
    for gate in result.failed:
        if gate.rows:
            yield from _markdown_rows(gate, shown)
    for note in result.notes:
        yield f"- {_plain(note)}"
    if result.hint:
        yield f"- Next: {_code(result.hint)}"
    if result.notes or result.hint:
        yield ""


def _markdown_rows(gate: GateResult, shown: int) -> Iterator[str]:
    yield f"<details><summary>{_plain(gate.name)}: {plural(len(gate.rows), 'row')}</summary>"
    yield ""
    yield "| example | slice | score | expected | output |"
    yield "|---|---|---|---|---|"
    for row in gate.rows[:shown]:
        slices = ", ".join(text_of(value) for value in row.slices.values())
        output = f"error: {row.error}" if row.error is not None else text_of(row.output)
        cells = (row.name, slices, scores_words(row), text_of(row.expected), output)
        yield f"| {' | '.join(_code(cell) for cell in cells)} |"
    yield ""
    for line in more_words(len(gate.rows) - shown):
        yield line
        yield ""
    yield "</details>"
    yield ""


def _sign(passed: bool) -> str:
    return "✅" if passed else "❌"


def _plain(text: str) -> str:
    """Text without markup, mentions of users or links to issues."""
    return re.sub(r"([\\`*_{}\[\]<>#|~@!])", lambda match: f"&#{ord(match[1])};", _one_line(text))


def _code(text: str) -> str:
    """A code span, which contains no markup. A bar is escaped even there, since it would end the cell."""
    shown = _one_line(text)
    shown = shown if len(shown) <= _CELL_LENGTH else shown[: _CELL_LENGTH - 1].rstrip() + "…"
    if not shown:
        return ""
    longest = max((len(run) for run in re.findall("`+", shown)), default=0)
    fence, room = "`" * (longest + 1), " " if longest else ""
    return f"{fence}{room}{shown}{room}{fence}".replace("|", "\\|")


def _one_line(text: str) -> str:
    return " ".join(_xml(text).replace("\n", " ↵ ").split())


# --- text for all of them -------------------------------------------------------------------------------------


def summary(result: CheckResult) -> str:
    """``6 gates passed``; ``2 of 6 gates failed``."""
    count, failed = len(result.gates), len(result.failed)
    gates = plural(count, "gate")
    return f"{failed:,} of {gates} failed" if failed else f"{gates} passed"


def row_words(row: GateRow) -> str:
    """One line: ``t-0042 (billing): exact false (was true), expected refund, got billing``; long texts shortened."""
    slices = f" ({', '.join(text_of(value) for value in row.slices.values())})" if row.slices else ""
    expected = f", expected {_short(text_of(row.expected))}" if row.expected is not None else ""
    got = "" if row.error is not None else f", got {_short(text_of(row.output))}"
    return f"{row.name}{slices}: {why_words(row)}{expected}{got}"


def why_words(row: GateRow) -> str:
    """``exact false``, or the error that left the row without an output."""
    if row.error is not None:
        return f"error: {_short(row.error)}"
    return scores_words(row) or "no score"


def scores_words(row: GateRow) -> str:
    """``exact false (was true)``; if there are several scores, those that are not true."""
    failing = {name: score for name, score in row.scores.items() if score != 1} or row.scores
    return ", ".join(f"{name} {_score(score)}{_was(row, name)}" for name, score in failing.items())


def more_words(count: int) -> list[str]:
    """``… 12 more``, if there are any."""
    return [f"… {count:,} more"] if count > 0 else []


def text_of(value: Json) -> str:
    """Text unchanged, another value as JSON, nothing for null."""
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False, default=str)


def _was(row: GateRow, name: str) -> str:
    before = row.before.get(name)
    return f" (was {_score(before)})" if before is not None and before != row.scores.get(name) else ""


def _score(score: Score) -> str:
    if isinstance(score, bool):
        return "true" if score else "false"
    return "missing" if score is None else score if isinstance(score, str) else plain(score, 6)


def _short(text: str) -> str:
    line = "".join(islice(text, _TEXT_LENGTH)).replace("\n", "↵")
    return line + "…" if len(text) > _TEXT_LENGTH else line
