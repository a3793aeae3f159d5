"""`python -m lstmviz`."""

import sys

from lstmviz.cli import main

if __name__ == "__main__":
    sys.exit(main())
