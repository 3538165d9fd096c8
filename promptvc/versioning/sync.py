"""Sharing history with remotes: fetch and push, and the values they speak in."""

from __future__ import annotations

from promptvc.versioning.fetching import FetchResult, Tags, fetch
from promptvc.versioning.pushing import PushResult, Removal, Send, push
from promptvc.versioning.refchange import Outcome, RefChange
from promptvc.versioning.refspec import Refspec

__all__ = [
    "FetchResult",
    "Outcome",
    "PushResult",
    "RefChange",
    "Refspec",
    "Removal",
    "Send",
    "Tags",
    "fetch",
    "push",
]
