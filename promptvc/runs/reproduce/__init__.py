"""Whether the rows of a run follow from what its record pins.

reproduce  rebuilds requests and compares them
drift      makes requests again and compares their answers
"""
