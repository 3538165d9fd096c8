"""The command line: the only layer that uses click, the terminal and the environment.

main        command groups; maps errors to exit codes
app         the context of every command; arguments: revisions and paths; output, progress, editor
start work look branch share run keep   the commands, by group, one per file
show        values as text and JSON
"""
