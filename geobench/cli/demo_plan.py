"""The demo's plan: what is made, built, trained and tested, read from a recipe."""

from importlib.resources import files
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict

from geobench.tasks import Gallery

PRESETS = ("tiny", "small", "town")
HARD_JITTER_M = 15.0
"""How far, east and north, tiles of the hard variant are off the query."""


class Strict(BaseModel):
    """Frozen settings that refuse unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class CameraPlan(Strict):
    """One camera of the drives, and the pack built from its pictures."""

    folder: str
    frames_per_sequence: int
    stride: int
    spacing_m: float
    """Nominal distance between two frames, metres."""


class ModelPlan(Strict):
    """One model to train: its variant and how."""

    label: str
    name: str
    camera: str
    variant: dict[str, Any] = {}
    train: dict[str, Any] = {}
    lengths: bool = False
    """Whether it stands in the variable-sequence-length table."""


class DemoPlan(Strict):
    """Everything `geobench demo` does for one preset."""

    world: str
    tile_m: float
    m_per_px: float
    jitter_m: float
    thin_m: float
    distractors_per_tile: int
    gallery: Gallery
    open_gallery: Gallery | None = None
    """The gallery of one more task in the home region, with distractors."""
    cameras: dict[str, CameraPlan]
    models: list[ModelPlan]
    floors: list[str]
    lengths: list[int]
    keeps: list[Literal["centre-out", "first", "random"]]

    def floor_plans(self) -> list[ModelPlan]:
        """The untrained and linear floors, once a camera."""
        return [
            ModelPlan(
                label=f"{name}-{camera}",
                name=name,
                camera=camera,
                variant=self.floor_variant(camera),
            )
            for camera in self.cameras
            for name in self.floors
        ]

    def floor_variant(self, camera: str) -> dict[str, Any]:
        """Inputs of the floors: those of the first model on the same camera."""
        first = next(m for m in self.models if m.camera == camera)
        keys = ("ground_size", "satellite_size", "polar", "north_canvas")
        return {k: first.variant[k] for k in keys if k in first.variant}


def load_plan(preset: str, *, hard: bool = False) -> DemoPlan:
    """The plan of a preset, from the recipe shipped with the package.

    Args:
        preset: one of `PRESETS`.
        hard: whether tile centres lie up to `HARD_JITTER_M` off the queries.
    """
    text = files("geobench").joinpath(f"recipes/demo-{preset}.yaml").read_text()
    plan = DemoPlan.model_validate(yaml.safe_load(text))
    return plan.model_copy(update={"jitter_m": HARD_JITTER_M}) if hard else plan
