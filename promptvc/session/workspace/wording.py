"""One file's changes counted in a few words: ``+2 −1 ~2``, ``1 word group, + limit``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptvc.content.formats.words import plural

if TYPE_CHECKING:
    from promptvc.content.prompt.diff import PromptDiff
    from promptvc.content.tablediff.diff import TableDiff


def table_words(detail: TableDiff) -> str:
    """``+2 −1 ~2``: rows added, removed, changed; and what is said in words."""
    counts = (("+", detail.added), ("−", detail.removed), ("~", detail.changed))
    words = [f"{mark}{count}" for mark, count in counts if count]
    words += [f"{detail.moved} moved"] if detail.moved else []
    words += [f"{detail.reformatted} reformatted"] if detail.reformatted else []
    return " ".join(words) or "layout only"


def prompt_words(detail: PromptDiff) -> str:
    """``2 word groups, settings, + limit``."""
    groups = detail.word_groups
    words = [plural(groups, "word group")] if groups else []
    words += ["settings"] if detail.settings else []
    words += [f"+ {name}" for name in detail.variables_added] + [
        f"− {name}" for name in detail.variables_removed
    ]
    return ", ".join(words) or "layout only"
