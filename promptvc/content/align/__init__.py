"""Which parts of two sequences are equal and in the same order, for rows, lines, words and elements of lists.

align    equal runs of two sequences, or the changes between them
anchors  what both have exactly once
myers    the shortest edit script of a small part
ends     how much two sequences have in common at their ends
runs     equal runs, and what lies between them
"""
