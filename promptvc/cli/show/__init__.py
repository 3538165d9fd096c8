"""Values as text and JSON.

diff      comparisons: rows, cells, words
compare   comparisons of runs
log graph commit_json   commits
file rows row_stream describe summary   files and tables
merge blame untracked chars
"""
