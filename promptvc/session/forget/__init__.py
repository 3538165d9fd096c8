"""Forgetting: what is taken out of every version of a file, and where else it is quoted.

wanted    which rows are meant, and what they say
versions  every version that a file ever had, and the objects that it consists of
editor    a version of a file without what is forgotten
quotes    where the same words still stand
"""
