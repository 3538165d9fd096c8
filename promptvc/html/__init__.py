"""Values as HTML, for notebooks and pages: one template per view, with all text escaped.

render     fills a template; jinja2 is imported only when HTML is needed
templates  one file per view; parts.html is what they share
"""
