"""Regular expressions that are compiled at their first use: a command needs few of those that its modules name."""

from __future__ import annotations

import re
from typing import Any, AnyStr, cast


def compiled(pattern: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """What `re.compile` gives, compiled when it is used; an error in it is raised then."""
    return cast("re.Pattern[AnyStr]", _Pattern(pattern, flags))


class _Pattern:
    """Stands for a compiled pattern, whose methods it takes over one by one."""

    def __init__(self, pattern: Any, flags: int) -> None:
        self.pattern, self._flags = pattern, flags

    def __getattr__(self, name: str) -> Any:
        found = getattr(re.compile(self.pattern, self._flags), name)
        self.__dict__[name] = found
        return found

    def __reduce__(self) -> tuple[Any, ...]:
        return _Pattern, (self.pattern, self._flags)
