"""What goes to remotes and comes from them, and what is to be in no history any more."""
