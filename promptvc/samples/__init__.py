"""Sample data for ``promptvc demo``: a small support bot, written for this purpose."""
