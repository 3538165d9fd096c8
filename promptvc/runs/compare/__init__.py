"""Two versions of a run, or two runs, compared row by row.

compare    the comparison; side columns rows examples: its two sides, read; sources: which runs and files
scores measures slices why   what it finds; stats: how sure that is
words markdown html page     how it is shown
"""
