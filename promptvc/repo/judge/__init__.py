"""The runs of a repository: made, checked, compared, reproduced."""
