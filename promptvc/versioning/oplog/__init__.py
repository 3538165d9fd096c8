"""The operation log: what every change of refs and working files replaced, written before it is made.

oplog      operations recorded and taken back
operation  one operation as a value; journal: the file of them
kept       what operations replaced, kept from garbage collection
wayback    which operations lead back to an earlier state
"""
