"""Parameters of splits."""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator

from dataset_tools.settings.base import Settings, file_field

SplitScheme = Literal[
    "polygons", "area", "single", "session", "road", "fold", "year", "list"
]


class SplitSettings(Settings):
    """Who trains, validates and tests."""

    split_scheme: tuple[SplitScheme, ...] = Field(("single",), min_length=1)
    """polygons: by --areas; area: by seeded square cells; single: everything in one;
    session: by recording; road: by road; fold: k schemes over cells; year: by year of
    driving; list: by --split-list. Repeatable: the pack then holds several schemes
    side by side."""
    split: Literal["train", "val", "test"] = "test"
    """The split that the scheme "single" puts everything into."""
    areas: Path | None = file_field()
    """GeoJSON polygons with a property `split`, for the scheme "polygons"."""
    cell_m: float = Field(1000.0, gt=0)
    """Side of a cell of the schemes "area" and "fold", metres."""
    buffer_m: float = Field(200.0, ge=0)
    """Least distance between sequences and tiles of two splits, metres."""
    revisit_buffer_m: float | None = Field(None, ge=0)
    """The same for the schemes "session" and "year", --buffer-m if none is given; at 0
    a place may be trained on at one time and tested at another."""
    val_share: float = Field(0.1, ge=0, lt=1)
    """Share of the sequences to validate on, before the buffer."""
    test_share: float = Field(0.2, gt=0, lt=1)
    """Share of the sequences to test on, before the buffer."""
    folds: int = Field(5, ge=3)
    """How many schemes "fold-1", "fold-2" ... the scheme "fold" makes."""
    road_width_m: float = Field(20.0, gt=0)
    """Passes this near to each other are on one road, for the scheme "road", metres."""
    road_turn_deg: float = Field(30.0, gt=0, le=90)
    """A sharper turn leads to another road, degrees."""
    test_year: tuple[int, ...] = ()
    """Year of driving to test on, for the scheme "year"; repeatable; the last one if
    none is given."""
    val_year: tuple[int, ...] = ()
    """Year of driving to validate on; repeatable; a part of the training places if
    none is given."""
    train_imagery_year: tuple[int, ...] = ()
    """Year of capture of the tiles that train and val may hold, for the scheme "year";
    repeatable; any if none is given."""
    test_imagery_year: tuple[int, ...] = ()
    """Year of capture of the tiles that test may hold; repeatable; any if none is
    given."""
    split_list: tuple[Path, ...] = file_field(())
    """CSV of id,split or kind,id,split, for the scheme "list"; repeatable, each is a
    scheme called like the file."""

    @property
    def shares(self) -> dict[str, float]:
        """Split -> share of the sequences."""
        train = 1.0 - self.val_share - self.test_share
        return {"train": train, "val": self.val_share, "test": self.test_share}

    @field_validator("split_scheme", mode="before")
    @classmethod
    def _one_or_several(cls, given: Any) -> Any:
        """One name is a list of one; a name given twice counts once."""
        names = (given,) if isinstance(given, str) else given
        return tuple(dict.fromkeys(names))
