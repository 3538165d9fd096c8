"""Results of promptfoo, as ``promptfoo eval --output results.json`` writes them.

The format is described at https://www.promptfoo.dev/docs/configuration/reference/ (EvaluateSummaryV3, EvaluateSummaryV2
and EvaluateResult): ``{"results": {"version": 3, "results": [one object an output], "prompts": […]}}``. Version 2 has
a ``table`` beside or instead of the list; before it, what is in ``results`` stood alone. ``error`` also holds why an
assertion failed: only ``failureReason`` 2 is an error of the call.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from promptvc.content.formats.base import Row
from promptvc.content.json_type import LooseJson as Json
from promptvc.errors import Advice, Usage
from promptvc.runs.record.importers.base import MADE, Foreign, as_list, as_mapping, as_text

_ERROR = 2
_SHOWN = 60


def is_promptfoo(value: Json) -> bool:
    """Whether a JSON value looks like promptfoo results."""
    return bool(_summary(value))


def read_promptfoo(value: Json, name: str, provider: str | None, prompt_label: str | None) -> Foreign:
    """The outputs of one provider and one prompt; raises `Usage` if there are several and none is chosen."""
    summary = _summary(value)
    found = [each for each in as_list(summary.get("results")) if isinstance(each, Mapping)] or list(
        _table_results(as_mapping(summary.get("table")))
    )
    if not found:
        raise Usage(f"{name} has no results of promptfoo", "promptfoo eval --output FILE.json writes them")
    chosen = _choose(found, provider, prompt_label, name)
    return Foreign(
        rows=[_row(each) for each in chosen],
        source=f"{name} (promptfoo)",
        fields=MADE,
        key_folder="vars",
        all_scores=True,
        provider=_providers(chosen[0])[0],
        chosen=True,
    )


def _summary(value: Json) -> Mapping[str, Any]:
    """The object that has the list of results, or the table."""
    outer = as_mapping(value)
    inner = as_mapping(outer.get("results"))
    for each in (inner, outer):
        if isinstance(each.get("results"), list) or isinstance(
            as_mapping(each.get("table")).get("body"), list
        ):
            return each
    return {}


def _table_results(table: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The outputs in the table of version 2, in the form of version 3."""
    head = as_mapping(table.get("head"))
    names, prompts = [str(name) for name in as_list(head.get("vars"))], as_list(head.get("prompts"))
    for line in map(as_mapping, as_list(table.get("body"))):
        values = dict(zip(names, as_list(line.get("vars")), strict=False))
        for place, cell in enumerate(map(as_mapping, as_list(line.get("outputs")))):
            prompt = as_mapping(prompts[place]) if place < len(prompts) else {}
            yield {
                **cell,
                "vars": values,
                "success": cell.get("pass"),
                "prompt": {"raw": cell.get("prompt"), "label": prompt.get("label") or prompt.get("display")},
                "provider": cell.get("provider") or prompt.get("provider"),
                "response": {"output": cell.get("text"), **as_mapping(cell.get("response"))},
            }


# --- selection --------------------------------------------------------------------------------------------------


def _choose(
    found: Sequence[Mapping[str, Any]], provider: str | None, prompt_label: str | None, name: str
) -> list[Mapping[str, Any]]:
    rest = [each for each in found if provider is None or provider in _providers(each)]
    if not rest:
        raise Usage(f"{name} has no outputs of the provider {provider!r}", _there_are(map(_provider, found)))
    if provider is None and len({_provider(each) for each in rest}) > 1:
        raise Usage(
            f"{name} has outputs of several providers",
            Advice("choose-provider", known=_there_are(map(_provider, found))),
        )
    chosen = [each for each in rest if prompt_label is None or prompt_label in _prompts(each)]
    if not chosen:
        raise Usage(f"{name} has no outputs of the prompt {prompt_label!r}", _there_are(map(_prompt, rest)))
    if prompt_label is None and len({_prompt(each) for each in chosen}) > 1:
        raise Usage(
            f"{name} has outputs of several prompts",
            Advice("choose-prompt", known=_there_are(map(_prompt, rest))),
        )
    return chosen


def _there_are(names: Any) -> str:
    distinct = list(dict.fromkeys(" ".join(each.split()) for each in names))
    shown = [each if len(each) <= _SHOWN else f"{each[:_SHOWN]}…" for each in distinct[:6]]
    return f"there are {', '.join(shown)}" + (f" and {len(distinct) - 6} more" if len(distinct) > 6 else "")


def _providers(result: Mapping[str, Any]) -> list[str]:
    """The names of a result's provider: its id and its label."""
    found = result.get("provider")
    names = [found] if isinstance(found, str) else [as_mapping(found).get(each) for each in ("id", "label")]
    return [name for name in names if isinstance(name, str) and name] or [""]


def _provider(result: Mapping[str, Any]) -> str:
    return _providers(result)[-1]


def _prompts(result: Mapping[str, Any]) -> list[str]:
    found = result.get("prompt")
    names = [found] if isinstance(found, str) else [as_mapping(found).get(each) for each in ("raw", "label")]
    return [name for name in names if isinstance(name, str) and name] or [""]


def _prompt(result: Mapping[str, Any]) -> str:
    """What identifies a result's prompt: its label, or its position; ``raw`` may be rendered, and so differ."""
    label = as_mapping(result.get("prompt")).get("label")
    return label if isinstance(label, str) and label else str(result.get("promptIdx", ""))


# --- one output -------------------------------------------------------------------------------------------------


def _row(result: Mapping[str, Any]) -> Row:
    response = as_mapping(result.get("response"))
    tokens = as_mapping(response.get("tokenUsage") or result.get("tokenUsage"))
    output = as_text(response.get("output"))
    error = _error(result, response, output)
    return {
        "vars": dict(as_mapping(result.get("vars") or as_mapping(result.get("testCase")).get("vars"))),
        "description": result.get("description") or as_mapping(result.get("testCase")).get("description"),
        "output": output,
        "finish_reason": response.get("finishReason"),
        "input_tokens": tokens.get("prompt"),
        "output_tokens": tokens.get("completion"),
        "latency_ms": result.get("latencyMs"),
        "cost_usd": response.get("cost") if result.get("cost") is None else result.get("cost"),
        "error": error,
        "scores": {} if error else _scores(result),
    }


def _error(result: Mapping[str, Any], response: Mapping[str, Any], output: str | None) -> str | None:
    """Why the call failed, if it did: a failed assertion leaves its reason in ``error`` too."""
    said = as_text(response.get("error") or result.get("error"))
    if "failureReason" in result:
        return (said or "error") if result["failureReason"] == _ERROR else None
    return said if output is None else None


def _scores(result: Mapping[str, Any]) -> dict[str, Json]:
    """``pass`` (all assertions), ``score`` (their weighted mean), and the named ones."""
    graded = as_mapping(result.get("gradingResult"))
    named = result.get("namedScores") or graded.get("namedScores")
    found = {"pass": result.get("success"), "score": result.get("score"), **as_mapping(named)}
    return {name: value for name, value in found.items() if value is not None}
