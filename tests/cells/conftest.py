"""Other people's cells stand in a folder of their own, where `make test` installs them."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "build" / "cells"))
