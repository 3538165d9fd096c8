"""Starting: init, clone, demo."""
