"""Lets tests import the inputs that several of them are made from."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
