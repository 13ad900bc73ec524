"""`python -m feeds` is the `feeds` command."""

import sys

from feeds.cli import main

if __name__ == "__main__":
    sys.exit(main())
