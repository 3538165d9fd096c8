"""The command line: speaks click, the terminal and the environment; nothing below does.

main        the group, its lazily imported commands, and errors as exit codes
app         what every command gets: the repository, and where to say things
output      text, JSON, colour, width and pager
exit_codes  kinds of errors -> exit codes
render_*    values -> lines of text
the rest    one command a file, in it ``command``
"""
