"""Lets the tests of this folder import the layouts that they are made from."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
