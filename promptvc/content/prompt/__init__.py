"""Prompts: a file read as messages, variables and model settings.

prompt  `Prompt`: read, and rendered to what a model is sent
diff    what changed between two versions
merge   three versions merged; parts: the file divided for that
"""
