"""The demo's plan: what is made, built, trained and tested, read from a recipe."""

from importlib.resources import files
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict

PRESETS = ("tiny", "small", "town")


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
    gallery: Literal["tile", "tile-thinned", "tile-open"]
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


def load_plan(preset: str) -> DemoPlan:
    """The plan of a preset, from the recipe shipped with the package."""
    text = files("geobench").joinpath(f"recipes/demo-{preset}.yaml").read_text()
    return DemoPlan.model_validate(yaml.safe_load(text))
