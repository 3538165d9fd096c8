"""What the files of a run mean, and what promptvc.toml declares about runs.

run        output rows and the record that pins what produced them
request    what a run asks a model for each row, and its fingerprint
spec       ``[runs.NAME]``; checkspec: ``[checks.NAME]``
view       `Run`: a run at one version, as values or a data frame
"""
