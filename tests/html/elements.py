"""HTML as its elements, to see that nothing a user wrote became one."""

from __future__ import annotations

from html.parser import HTMLParser

ALLOWED = {"div", "p", "b", "table", "thead", "tbody", "tr", "th", "td", "pre", "ins", "del", "span"}


class Elements(HTMLParser):
    """The elements of a fragment, its text, and the texts marked as inserted and deleted."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self.marked: dict[str, list[str]] = {"ins": [], "del": []}
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self._open.append(tag)
        if tag in self.marked:
            self.marked[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._open and self._open[-1] in self.marked:
            self.marked[self._open[-1]][-1] += data


def elements(value: object) -> Elements:
    """What a notebook shows of a value; fails where anything but our own elements is in it."""
    found = Elements(value._repr_html_())  # type: ignore[attr-defined]
    assert set(found.tags) <= ALLOWED
    assert found.attributes <= {"style"}
    return found
