"""Every parameter of a build, and its report."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from dataset_tools.settings.picture import CameraSettings, PictureSettings
from dataset_tools.settings.sequence import SequenceSettings
from dataset_tools.settings.split import SplitSettings
from dataset_tools.settings.tile import TileSettings
from dataset_tools.settings.track import CleaningSettings, TrackSettings


class DriveSettings(TrackSettings, CleaningSettings, CameraSettings, SequenceSettings):
    """Parameters of what happens before imagery is at hand."""


class BuildSettings(DriveSettings, PictureSettings, TileSettings, SplitSettings):
    """Parameters of `build_pack`; the command's options are made from them."""

    out: Path
    """The pack to write, by custom ending in `.pack`."""
    name: str | None = None
    """Name of the pack; its folder's name without suffix if none is given."""
    seed: int = Field(0, ge=0)
    """Seed of everything random."""
    shard_mib: float = Field(64.0, gt=0)
    """Size of a shard file, MiB, roughly; shards are what workers share out."""
    private: bool = False
    """Mark the pack as one that may not be passed on; done by itself where a licence
    says so."""
    overwrite: bool = False
    """Replace a pack that is already there."""

    @property
    def pack_name(self) -> str:
        """The pack's name."""
        return self.name or self.out.name.removesuffix(".pack")

    @property
    def region_name(self) -> str:
        """The region's name."""
        return self.region or self.pack_name


@dataclass(frozen=True, slots=True, kw_only=True)
class StageReport:
    """What one stage did; `kept` and the rejections add up to `given`."""

    stage: str
    items: str
    """What was counted: "pictures", "frames", "sequences" ..."""
    given: int
    kept: int
    rejected: dict[str, int]
    """Reason -> how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildReport:
    """The finished pack and what each stage kept and left out."""

    path: Path
    stages: tuple[StageReport, ...]
    counts: dict[str, int]
    """As in `pack.json`."""
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """What was done with the work of an earlier run."""
