"""The runs of a repository: make, check, compare, reproduce."""
