"""Values as HTML, for notebooks and pages: a template a view, in which every text is escaped.

render     fills a template; jinja2 is imported only when HTML is asked for
templates  one file a view; parts.html is what they share
"""
