"""Reading prompt files: one module a syntax, and what they share.

paths         which files are prompts
base          the values that every syntax produces, and how a file is refused
source        bytes -> text or YAML values, and the blank lines around a message
front_matter  the YAML mapping between two --- lines
settings      what front matter says about model, parameters and inputs
roles         role lines: system: user: assistant:
fields        {{ name }} in text that is otherwise literal, and the other pieces of simple templates
plain         plain text and Markdown
jinja         full Jinja templates, and prompty
handlebars    the simple form of dotprompt
messages      lists of messages in YAML or JSON
chat          a rendered text -> messages
limits        how much a template may do
engine        the template engine; the only module that imports jinja2
"""
