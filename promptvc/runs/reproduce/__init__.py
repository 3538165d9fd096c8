"""Whether the rows of a run follow from what its record pins.

reproduce  requests built again and compared
drift      requests asked again, and their answers compared
"""
