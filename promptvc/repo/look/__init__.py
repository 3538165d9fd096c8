"""What history says: commits, the origin of rows and lines, secrets."""
