"""Parameters of importing a released data set, one class a data set."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from dataset_tools.settings.base import Settings, file_field

PictureCheck = Literal["ends", "whole"]
City = Literal["Chicago", "NewYork", "SanFrancisco", "Seattle"]


class ImportSettings(Settings):
    """What all imports have in common."""

    out: Path
    """The pack to write, by custom ending in `.pack`."""
    limit: int | None = Field(None, ge=1)
    """Only the first N queries of each published split; the pack's name then ends in
    "-partial"."""
    pictures: PictureCheck = "ends"
    """How damaged pictures are found: by their beginning and end, or by decoding them
    whole (some hundreds a second)."""
    max_missing: float = Field(0.5, ge=0, le=1)
    """Refuse the folder if a larger share of its queries lacks pictures."""
    no_area_split: bool = False
    """Leave out our own split by area and write only the published ones."""
    cell_m: float | None = Field(None, gt=0)
    """Side of a cell of our split, metres; 1,000, for CVUSA 20,000."""
    buffer_m: float = Field(200.0, ge=0)
    """Least distance between two splits of ours, metres."""
    seed: int = Field(0, ge=0)
    """Seed of our split."""
    overwrite: bool = False
    """Replace a pack that is already there."""


class CvusaSettings(ImportSettings):
    """CVUSA."""

    lists: Literal["found", "original", "cleaned"] = "found"
    """Which lists: those in `splits`, whatever they are, or refuse all but these;
    "cleaned" also looks into `splits_cleaned`."""


class CvactSettings(ImportSettings):
    """CVACT."""

    mat: Path | None = file_field()
    """ACT_data.mat, where it lies outside of the released folder."""
    match_m: float = Field(5.0, ge=0)
    """In the test split all tiles within this distance are right answers, metres."""
    near_m: float = Field(25.0, ge=0)
    """Other tiles within this distance are semi-positives, metres."""


class VigorSettings(ImportSettings):
    """VIGOR."""

    labels: Literal["original", "corrected"] = "original"
    """Label set: the authors' own, or SliceMatch's corrected one."""
    cities: tuple[City, ...] = ()
    """City to import, repeatable; all four if none is given."""


class VermontSettings(ImportSettings):
    """SeqGeo's Vermont set."""

    zoom: int = Field(20, ge=1, le=24)
    """Zoom of the tiles."""
