"""promptvc: a git-style versioned data store for prompts, example sets and model outputs."""

from __future__ import annotations

__version__ = "0.1.0"
