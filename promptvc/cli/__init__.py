"""The command line: speaks click, the terminal and the environment; nothing below does.

main        the groups of commands; errors to exit codes
app         what every command gets; arguments: revisions and paths; output, progress, editor
start work look branch share run keep   the commands, by group, one a file
show        values as text and JSON
"""
