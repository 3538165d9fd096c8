"""JSON values: merged, compared by similarity, rewritten in place.

merge       three versions of one value: objects by key, lists by element, texts by line
lists       which element of one list became which of another
conflict    one place that both sides changed differently, as a value
similarity  how similar two rows are, and which rows belong together by it
json        JSON text given another value, keeping the bytes of what stays
plain       values of Python, numpy and pandas as JSON values
dotted      dotted paths: ``response.usage.total``
"""
