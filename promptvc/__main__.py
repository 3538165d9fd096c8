"""``python -m promptvc``."""

from promptvc.cli.main import main

main()
