"""Prompts: a file read as messages, variables and model settings, and rendered to what a model is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from promptvc.content.formats import is_row_path
from promptvc.content.prompt_formats import front_matter, handlebars, plain, settings
from promptvc.content.prompt_formats.base import Json, Message, Reading, Render, refuse
from promptvc.content.prompt_formats.fields import HISTORY
from promptvc.content.prompt_formats.paths import is_prompt_path, looks_like_messages
from promptvc.content.prompt_formats.source import decode, unify_line_ends
from promptvc.errors import RenderFailed
from promptvc.html.render import render

__all__ = ["Message", "Prompt", "is_prompt_path", "looks_like_messages", "read_prompt"]


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class Prompt:
    """A prompt as it is in one file; never changes.

    - ``path``: where it was read from; ``text``: the file's text, as it is;
    - ``syntax``: ``text``, ``vscode``, ``prompty``, ``dotprompt``, ``jinja`` or ``messages``;
    - ``messages``: role and content of each message, as templates; a prompt without roles is one of role ``user``;
    - ``variables``: the names that `render` needs, in order of first use, then those that are only declared;
    - ``config``: front matter, or what stands beside ``messages``, in its original structure; not to be changed.

    Two prompts are equal when path, syntax and text are.
    """

    path: str
    syntax: str
    text: str
    messages: tuple[Message, ...] = field(compare=False)
    variables: tuple[str, ...] = field(compare=False)
    config: dict[str, Json] = field(compare=False)
    _compiled: Callable[[], Render] = field(compare=False)
    _defaults: dict[str, Json] = field(compare=False, default_factory=dict)

    @property
    def model(self) -> str | None:
        """The model that the prompt names, whatever the layout of its settings; else None."""
        return settings.model(self.config)

    @property
    def parameters(self) -> dict[str, Json]:
        """What the prompt sets of a request (temperature, …), whatever the layout, by the names it uses."""
        return settings.parameters(self.config)

    def render(self, /, **variables: object) -> list[dict[str, Json]]:
        """Fill in the variables: a list of ``{"role", "content"}``.

        Values that the prompt does not use are ignored, so a row can be given whole; declared defaults count
        as given. Line ends of the template become ``\\n`` and blank lines around a message are dropped; in lists of
        messages contents are taken exactly, and other fields (``tool_calls``, ``name``) are kept. Roles come from
        the template alone, never from a value. Raises `RenderFailed` for a missing variable and for whatever
        else goes wrong in a template.
        """
        try:
            return self._compiled()({**self._defaults, **variables})
        except Exception as error:  # noqa: BLE001  # templates, and values' own methods, may raise anything
            raise _render_failed(self, error, variables) from None

    def __reduce__(self) -> tuple[Any, ...]:
        return read_prompt, (self.path, self.text.encode())

    def __repr__(self) -> str:
        count = len(self.messages)
        return f"Prompt {self.path}: {count} message{'' if count == 1 else 's'}, {_variables_text(self.variables)}"

    def _repr_html_(self) -> str:
        return render("prompt.html", prompt=self)


def read_prompt(path: str, data: bytes) -> Prompt:
    """Read a prompt file; the suffix of ``path`` decides the syntax.

    - ``.j2`` ``.jinja`` ``.jinja2`` ``.prompty``: full Jinja, in a sandbox;
    - ``.prompt``: the simple form of dotprompt;
    - ``.yml`` ``.yaml`` ``.json``: a list of messages;
    - anything else: text, in which ``{{ name }}`` and ``{{ name.part }}`` are filled in and all else is literal.

    ``.prompty``, ``.prompt``, ``.md`` and ``.txt`` may begin with front matter. A text that begins with a line
    ``system:``, ``developer:``, ``user:`` or ``assistant:`` is divided into messages at such lines.
    Raises `NotAPrompt`, which says why and where. Nothing in the file is ever executed.
    """
    source = decode(path, data)
    reading = _read(path, unify_line_ends(source))
    inputs = settings.inputs(reading.config)
    threads = inputs.threads | ({HISTORY} if reading.syntax == "dotprompt" else set())
    variables = tuple(dict.fromkeys([*reading.variables, *inputs.names]))
    compiled = cache(lambda: reading.compile(threads))
    defaults = {**inputs.defaults, **({HISTORY: []} if reading.syntax == "dotprompt" else {})}
    return Prompt(
        path=path,
        syntax=reading.syntax,
        text=source,
        messages=reading.messages,
        variables=variables,
        config=reading.config,
        _compiled=compiled,
        _defaults=defaults,
    )


def _read(path: str, source: str) -> Reading:
    name = path.rpartition("/")[2].lower()
    if is_row_path(name):
        raise refuse(path, "a file of rows, not a prompt")
    if name.endswith((".yml", ".yaml", ".json")):
        return _message_list(path, name, source)
    if name.endswith((".j2", ".jinja", ".jinja2", ".prompty")):
        return _jinja(path, name, source)
    if name.endswith(".prompt"):
        return _dotprompt(path, source)
    if name.endswith((".md", ".txt")):
        vscode = name.endswith(".prompt.md")
        head = front_matter.split(path, source, required=vscode)
        return _with_config(plain.read("vscode" if vscode else "text", head.body, vscode=vscode), head.config)
    return plain.read("text", source)


# Each syntax is imported where it is read: most prompts are plain text, and commands should start at once.


def _message_list(path: str, name: str, source: str) -> Reading:
    from promptvc.content.prompt_formats import messages

    return messages.read_json(path, source) if name.endswith(".json") else messages.read_yaml(path, source)


def _dotprompt(path: str, source: str) -> Reading:
    head = front_matter.split(path, source, required=True, preamble=True)
    return _with_config(handlebars.read(path, head.body, head.line), head.config)


def _jinja(path: str, name: str, source: str) -> Reading:
    from promptvc.content.prompt_formats import jinja

    if not name.endswith(".prompty"):
        return jinja.read(path, "jinja", source)
    head = front_matter.split(path, source, required=True)
    engine = settings.template_format(head.config)
    if engine not in (None, "jinja2"):
        raise refuse(path, f"the template format {str(engine)[:40]!r} is not read, only jinja2")
    reading = jinja.read(path, "prompty", head.body, head.line, roles_anywhere=True)
    return _with_config(reading, head.config)


def _with_config(reading: Reading, config: dict[str, Json]) -> Reading:
    return Reading(reading.syntax, reading.messages, reading.variables, reading.compile, config)


def _variables_text(names: tuple[str, ...]) -> str:
    if not names:
        return "no variables"
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return f"variable{'' if len(names) == 1 else 's'} {', '.join(names[:8])}{more}"


def _render_failed(prompt: Prompt, error: Exception, given: Mapping[str, object]) -> RenderFailed:
    if isinstance(error, RecursionError):
        why = "the template is nested too deeply"
    else:
        why = " ".join(str(error).split())[:300] or type(error).__name__
    defaults = settings.inputs(prompt.config).defaults
    missing = [name for name in prompt.variables if name not in given and name not in defaults]
    hint = f"{_variables_text(prompt.variables)}; not given: {', '.join(missing[:8])}" if missing else None
    return RenderFailed(f"{prompt.path}: {why}", hint or _variables_text(prompt.variables))
