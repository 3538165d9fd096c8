"""Fills templates with values. Every value is shown as text: jinja2 escapes it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment

LENGTH = 120
"""Most characters of a value to show."""


def render(template: str, **values: Any) -> str:
    """The HTML of a template of this package, filled with values; a lone surrogate becomes ``?``."""
    text = _environment().get_template(template).render(values)
    return text.encode("utf-8", "replace").decode()


def shown(value: Any, length: int = LENGTH) -> str:
    """A value as short text: text unchanged, anything else as JSON."""
    import json  # most commands do not need this

    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= length else text[: length - 1] + "…"


@cache
def _environment() -> Environment:
    from importlib.resources import files  # with jinja2 50 ms, which only notebooks need

    from jinja2 import Environment, FunctionLoader, StrictUndefined

    templates = files("promptvc.html") / "templates"
    made = Environment(
        loader=FunctionLoader(lambda name: (templates / name).read_text(encoding="utf-8")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["shown"] = shown
    return made
