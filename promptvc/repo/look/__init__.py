"""Reading history: commits, the origin of rows and lines, secrets."""
