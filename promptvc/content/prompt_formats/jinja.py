"""Full Jinja templates: ``.j2``, ``.jinja``, ``.jinja2``, and the text of ``.prompty`` files."""

from __future__ import annotations

from collections.abc import Mapping

from promptvc.content.prompt_formats import engine, roles
from promptvc.content.prompt_formats.base import MAX_TAGS, Json, Reading, Render, refuse
from promptvc.content.prompt_formats.chat import Marks, assemble, with_threads
from promptvc.content.prompt_formats.roles import Section
from promptvc.patterns import compiled

_MAX_CODE = 200_000
_OPENING, _CLOSING = compiled(r"\{[{%]"), compiled(r"[}%]\}")


def read(path: str, syntax: str, text: str, line: int = 1, *, roles_anywhere: bool = False) -> Reading:
    """Messages and variables of a Jinja template; ``line`` is the line of the file on which it begins.

    Role lines divide it where it begins with one; with ``roles_anywhere``, as in prompty, wherever they stand,
    and what comes before the first is the system's. Raises `NotAPrompt` where the syntax is wrong.
    """
    divided = roles_anywhere or roles.split(text)[-1].role is not None
    sections = roles.split_template(text) if divided else [Section(None, text)]
    leading = "system" if roles_anywhere else "user"
    return Reading(
        syntax,
        roles.messages(sections, leading),
        _variables(path, text, line),
        lambda threads: _compile(sections, threads, leading),
    )


def _variables(path: str, text: str, line: int) -> tuple[str, ...]:
    if "{{" not in text and "{%" not in text and "{#" not in text:
        return ()  # spares the import
    _refuse_length(path, text)
    from jinja2 import TemplateSyntaxError

    try:
        return engine.used_variables(engine.parse(text))
    except TemplateSyntaxError as error:
        raise refuse(path, f"template error: {error.message}", line + error.lineno - 1) from None
    except (RecursionError, MemoryError):
        raise refuse(path, "template error: nested too deeply", line) from None
    except ValueError as error:  # a number of thousands of digits
        raise refuse(path, f"template error: {error}", line) from None


def _refuse_length(path: str, text: str) -> None:
    """Refuse templates with more code in them than can be compiled in a few seconds."""
    tags = code = at = 0
    while opening := _OPENING.search(text, at):
        closing = _CLOSING.search(text, opening.end())
        at = closing.end() if closing else len(text)
        tags, code = tags + 1, code + at - opening.start()
        if tags > MAX_TAGS or code > _MAX_CODE:
            raise refuse(path, f"more than {MAX_TAGS} tags, or {_MAX_CODE} characters in them")


def _compile(sections: list[Section], threads: frozenset[str], leading: str) -> Render:
    marks = Marks()
    source = "".join(marks.role(each.role) + each.text if each.role else each.text for each in sections)
    write = engine.compile_source(source)

    def render(values: Mapping[str, object]) -> list[dict[str, Json]]:
        given = with_threads(values, threads, marks)
        return assemble(write(given), marks, given, leading)

    return render
