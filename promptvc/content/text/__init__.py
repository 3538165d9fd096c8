"""Texts: lines for files, words for people.

words    the tokens that word diffs and similarity compare
diff     what changed between two texts
diff3    three lists of lines merged
merge    three versions of one text, with markers for conflicts
near     names near one that is not there
"""
