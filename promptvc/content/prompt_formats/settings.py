"""What front matter says about the model, its parameters and the prompt's inputs, whatever the layout.

The layouts: prompty, old (``model.configuration``, ``model.parameters``) and current (``model.id``,
``model.options``); dotprompt (``model``, ``config``, ``input.schema``); GitHub Models (``model``, ``modelParameters``);
and the plain one: everything at the top.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct

from promptvc.content.prompt_formats.base import Json
from promptvc.patterns import compiled

# Names that set a request wherever they stand at the top of front matter.
_PARAMETERS = (
    "temperature top_p topP top_k topK max_tokens max_completion_tokens maxTokens max_output_tokens maxOutputTokens "
    "stop stop_sequences stopSequences seed n frequency_penalty frequencyPenalty presence_penalty presencePenalty "
    "logprobs top_logprobs response_format responseFormat reasoning_effort logit_bias tool_choice"
)
# Picoschema (https://google.github.io/dotprompt/reference/picoschema): `name?(array, what it is)`.
_PICOSCHEMA_KEY = compiled(r"\s*([^\s?()]+)(\?)?\s*(\(.*\))?\s*\Z", re.DOTALL)


class Inputs(Struct, frozen=True):
    """The variables that front matter declares, those that have a default, and those that hold messages."""

    names: tuple[str, ...]
    defaults: Mapping[str, Json]
    threads: frozenset[str]


def model(config: Mapping[str, Json]) -> str | None:
    """The model's name, None where the prompt names none."""
    found = config.get("model")
    if isinstance(found, dict):
        inner = _mapping(found.get("configuration"))
        places = (
            found.get("id"),
            found.get("name"),
            inner.get("model"),
            inner.get("name"),
            inner.get("azure_deployment"),
        )
        found = next((place for place in places if isinstance(place, str)), None)
    elif isinstance(found, list):  # VS Code allows a list, by preference
        found = next((place for place in found if isinstance(place, str)), None)
    return found if isinstance(found, str) else None


def parameters(config: Mapping[str, Json]) -> dict[str, Json]:
    """What the prompt sets of a request: temperature and the like, by the names it uses."""
    inner = _mapping(config.get("model"))
    top = {key: value for key, value in config.items() if key in _PARAMETERS.split()}
    nested = (
        inner.get("parameters"),
        inner.get("options"),
        config.get("config"),
        config.get("modelParameters"),
    )
    return {
        key: value
        for place in (*nested, config.get("parameters"), top)
        for key, value in _mapping(place).items()
    }


def template_format(config: Mapping[str, Json]) -> Json:
    """The template engine that prompty's ``template`` names, None where it names none."""
    found = config.get("template")
    if isinstance(found, dict):
        found = found.get("format", found.get("type"))
    return found.get("kind") if isinstance(found, dict) else found


def inputs(config: Mapping[str, Json]) -> Inputs:
    """Names, defaults and threads in ``inputs`` and in ``input.schema``; what is malformed declares nothing."""
    names: dict[str, None] = {}
    defaults: dict[str, Json] = {}
    threads = set()
    for name, about in _declared(config.get("inputs")):
        names[name] = None
        if "default" in about:
            defaults[name] = about["default"]
        if about.get("kind") == "thread":
            threads.add(name)
            defaults.setdefault(name, [])
    dotprompt = _mapping(config.get("input"))
    for name, optional in _schema(dotprompt.get("schema")):
        names[name] = None
        if optional:
            defaults[name] = ""
    defaults |= _mapping(dotprompt.get("default"))
    return Inputs(tuple(names), defaults, frozenset(threads))


def _declared(inputs: Json) -> list[tuple[str, dict[str, Json]]]:
    """Name and description of each input: a list of mappings or of names, or a mapping by name."""
    if isinstance(inputs, dict):
        return [(name, _mapping(about)) for name, about in inputs.items()]
    found = []
    for item in inputs if isinstance(inputs, list) else ():
        name = item.get("name") if isinstance(item, dict) else item
        if isinstance(name, str):
            found.append((name, _mapping(item)))
    return found


def _schema(schema: Json) -> list[tuple[str, bool]]:
    """Name of each property and whether it may be left out, in JSON Schema or Picoschema."""
    if not isinstance(schema, dict):
        return []
    properties = schema.get("properties")
    names = properties if schema.get("type") == "object" and isinstance(properties, dict) else schema
    keys = (_PICOSCHEMA_KEY.match(key) for key in names)
    return [(key[1], bool(key[2])) for key in keys if key]


def _mapping(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}
