"""A comparison as text, numbers, Markdown and an HTML page."""
