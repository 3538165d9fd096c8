"""Two versions of a run, or two runs, compared row by row.

compare      the comparison itself; comparison: its result, as a value
side columns rows examples   the two sides, read; sources: which runs and files
scores measures slices why   the parts of the result; stats: how certain it is
report                       the result as text, Markdown and an HTML page
"""
