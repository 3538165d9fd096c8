"""Logs of Inspect (inspect_ai): ``.json`` files, and ``.eval`` files, which are zip archives of JSON files.

The format is described at https://inspect.aisi.org.uk/eval-logs.html and in the reference of ``inspect_ai.log``
(EvalLog, EvalSample, ModelOutput, Score). An archive holds ``header.json``, or ``_journal/start.json`` while it is not
complete (``start.json`` and ``results.json`` in the first versions), and ``samples/ID_epoch_N.json``, of which the last
of a name counts. The values C, I, P and N of a score are correct, incorrect, partially correct, no answer.
"""

from __future__ import annotations

import lzma
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from promptvc.content.formats.base import Row
from promptvc.content.json_type import LooseJson as Json
from promptvc.errors import Usage
from promptvc.patterns import compiled
from promptvc.runs.record.importers.archive import read_member
from promptvc.runs.record.importers.base import MADE, Foreign, as_list, as_mapping, as_text, parse_json

_ATTACHMENT = compiled(r"attachment://([0-9a-f]{32})")
_HEADERS = ("header.json", "_journal/start.json", "start.json")
_GRADES: dict[Json, float | bool] = {"C": True, "I": False, "P": 0.5, "N": False}
"""The same values as Inspect's ``value_to_float``."""
MOST_UNPACKED = 2 << 30
"""Most bytes that an archive may claim to hold: all of them are held in memory."""
_UNREADABLE = (
    zipfile.BadZipFile,
    RuntimeError,
    EOFError,
    ValueError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
)
"""What zipfile and the decompressors raise for files that are not archives, or damaged ones."""


def is_inspect(value: Json) -> bool:
    """Whether a JSON value looks like an Inspect log."""
    found = as_mapping(value)
    return isinstance(found.get("eval"), Mapping) and ("samples" in found or "plan" in found)


def read_inspect_json(value: Json, name: str) -> Foreign:
    """A log that is one JSON object."""
    if not is_inspect(value):
        raise Usage(
            f"{name} is no log of Inspect",
            "it has eval and samples; inspect eval --log-format json writes it",
        )
    return _foreign(
        value, [each for each in as_list(value.get("samples")) if isinstance(each, Mapping)], name
    )


def read_inspect_archive(file: Path) -> Foreign:
    """A log that is a zip archive; raises `Usage` if it cannot be read."""
    try:
        with zipfile.ZipFile(file) as archive:
            names = list(dict.fromkeys(archive.namelist()))
            header = next((each for each in _HEADERS if each in names), None)
            if header is None:
                raise Usage(f"{file.name} is no log of Inspect", f"it has no {_HEADERS[0]}")
            size = sum(each.file_size for each in archive.infolist())
            if size > MOST_UNPACKED:
                raise Usage(f"{file.name} unpacks to {size:,} bytes; at most {MOST_UNPACKED:,} are read")
            log = dict(as_mapping(parse_json(read_member(archive, header), f"{file.name}: {header}")))
            if header == "start.json" and "results.json" in names:
                log.update(
                    as_mapping(parse_json(read_member(archive, "results.json"), f"{file.name}: results.json"))
                )
            samples = [
                parse_json(read_member(archive, each), f"{file.name}: {each}")
                for each in names
                if each.startswith("samples/") and each.endswith(".json")
            ]
    except NotImplementedError:
        raise Usage(
            f"{file.name} is compressed in a way that Python cannot read",
            "inspect log convert --to json --output-dir DIR FILE writes it as JSON",
        ) from None
    except _UNREADABLE as error:
        raise Usage(f"{file.name} is no log of Inspect: {error}", "an .eval file is a zip archive") from None
    return _foreign(log, [each for each in samples if isinstance(each, Mapping)], file.name)


def _foreign(log: Mapping[str, Any], samples: Sequence[Mapping[str, Any]], name: str) -> Foreign:
    if not samples:
        raise Usage(f"{name} has no samples", "inspect eval --log-samples keeps them")
    spec, stats = as_mapping(log.get("eval")), as_mapping(log.get("stats"))
    vendor, slash, model = str(spec.get("model") or "").partition("/")
    status = log.get("status")
    return Foreign(
        rows=[_row(each, str(spec.get("model") or "")) for each in samples],
        source=f"{name} (inspect)",
        fields=MADE,
        key="id",
        all_scores=True,
        provider=vendor if slash else None,
        model=(model if slash else vendor) or None,
        started=_seconds(stats.get("started_at")),
        ended=_seconds(stats.get("completed_at")),
        notes=()
        if status in ("success", None)
        else (f"the log's status is {status!r}: it may not be complete",),
    )


def _seconds(value: Json) -> float | None:
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found.timestamp() if found is not None and found.tzinfo is not None else None


# --- one sample -------------------------------------------------------------------------------------------------


def _row(sample: Mapping[str, Any], model: str) -> Row:
    attachments = as_mapping(sample.get("attachments"))
    output = as_mapping(sample.get("output"))
    choice = as_mapping(next(iter(as_list(output.get("choices"))), None))
    usage = _usage(sample, model)
    seconds, epoch = output.get("time"), sample.get("epoch")
    return {
        "id": sample.get("id"),
        "sample": epoch - 1 if isinstance(epoch, int) and epoch > 0 else 0,
        "input": _resolved(_input(sample.get("input")), attachments),
        "target": sample.get("target"),
        "metadata": dict(as_mapping(sample.get("metadata"))),
        "output": _resolved(_completion(output, choice), attachments),
        "finish_reason": choice.get("stop_reason"),
        "input_tokens": usage.get("input_tokens"),
        "output_tokens": usage.get("output_tokens"),
        "latency_ms": seconds * 1000 if isinstance(seconds, int | float) else None,
        "cost_usd": usage.get("total_cost"),
        "error": as_text(as_mapping(sample.get("error")).get("message") or output.get("error")),
        "response_model": output.get("model") or None,
        "scores": _scores(sample),
    }


def _usage(sample: Mapping[str, Any], model: str) -> Mapping[str, Any]:
    """What all calls of a sample used of the log's model; where the log does not say, what the last call used."""
    used = as_mapping(sample.get("model_usage"))
    found = used.get(model) or (next(iter(used.values())) if len(used) == 1 else None)
    return as_mapping(found) or as_mapping(as_mapping(sample.get("output")).get("usage"))


def _input(value: Json) -> str | None:
    """The text of the input; for a conversation, that of the last user message."""
    if not isinstance(value, list):
        return as_text(value)
    asked = [each for each in value if as_mapping(each).get("role") == "user"]
    return _content(asked[-1].get("content")) if asked else None


def _completion(output: Mapping[str, Any], choice: Mapping[str, Any]) -> str | None:
    found = output.get("completion")
    if isinstance(found, str) and (found or not choice):
        return found
    return _content(as_mapping(choice.get("message")).get("content"))


def _content(value: Json) -> str | None:
    """The text of a message, whose content is text or a list of parts."""
    if not isinstance(value, list):
        return as_text(value)
    return "".join(str(each.get("text") or "") for each in value if as_mapping(each).get("type") == "text")


def _resolved(text: str | None, attachments: Mapping[str, Json]) -> str | None:
    """Text with its attachments, which Inspect stores separately because of their length."""
    if not text or not attachments:
        return text
    return _ATTACHMENT.sub(lambda found: str(attachments.get(found[1], found[0])), text)


def _scores(sample: Mapping[str, Any]) -> dict[str, Json]:
    """By scorer; a value with several parts gives one score per part: ``judge.tone``."""
    found = as_mapping(sample.get("scores")) or ({"score": sample["score"]} if sample.get("score") else {})
    scores: dict[str, Json] = {}
    for name, score in found.items():
        value = as_mapping(score).get("value")
        parts = (
            {f"{name}.{part}": each for part, each in value.items()}
            if isinstance(value, Mapping)
            else {name: value}
        )
        scores |= {
            part: _GRADES.get(each, each) if isinstance(each, str) else each for part, each in parts.items()
        }
    return scores
