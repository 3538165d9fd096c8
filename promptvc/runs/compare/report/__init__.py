"""A comparison in words, numbers, Markdown and as a page."""
