"""Reading: log, show, cat, rows, blame; row_* find rows as they are typed."""
