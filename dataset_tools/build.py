"""From a drive and imagery to a pack: the stages, one after the other.

    tracks > clean > (resample) > sequences > pairing > splits > pack

Every stage says what came in, what it kept and why it left the rest out; the pack's
card shows the same numbers.
"""

import platform
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from dataset_tools.build_stages import Drive, Stages, Views, read_drive, split, view
from dataset_tools.errors import UnreadableError, UsageError
from dataset_tools.imagery import Imagery
from dataset_tools.pack.format import Kind
from dataset_tools.pack.write import PackContents, remove_stale, write_pack
from dataset_tools.pictures import encode_jpeg, without_metadata
from dataset_tools.records import Frame, Rejection, Sequence, SplitRow, Tile

Progress = Callable[[str, int, int], None]
"""(stage, done, total)."""
