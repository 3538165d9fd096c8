"""Two versions of a run, or two runs, compared row by row.

compare      compares them; comparison: what is found, as a value
side columns rows examples   the two sides, read; sources: which runs and files
scores measures slices why   the parts of what is found; stats: how sure that is
numbers texts words          what is found as text; markdown html page: where these texts are placed
"""
