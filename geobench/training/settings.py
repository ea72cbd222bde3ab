"""How a model is trained: every field with its unit, frozen, unknown keys refused."""

from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from geobench.errors import ConfigError, closest


class TrainSettings(BaseModel):
    """One training run; saved resolved with the run and inside its checkpoints."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    """Registered name."""
    variant: dict[str, Any] = Field(default_factory=dict)
    """Arguments of the model's constructor."""
    seed: int = Field(default=0, ge=0)

    scheme: str = "area"
    """Scheme of `splits.parquet`."""
    split: str = "train"
    val_split: str = "val"
    """Split that the best checkpoint is chosen on; never the test split."""
    val_gallery: str = "tile"
    """Gallery kind of the validation split."""

    epochs: int = Field(default=10, ge=1)
    batch_size: int = Field(default=32, ge=2)
    chunk_size: int | None = Field(default=None, ge=1)
    """Samples that a network holds with gradients at a time; a batch larger than memory
    is described in such chunks, twice. None: the whole batch at once."""
    last_batch: Literal["half", "keep", "drop"] = "half"
    """What becomes of an epoch's rest: trained on if it fills half a batch, if it is a
    pair at least, or only if it is whole."""
    min_separation_m: float = Field(default=50.0, ge=0.0)
    """Sequences nearer than this, metres, are never negatives of each other."""
    max_steps: int | None = Field(default=None, ge=1)
    """Stop after so many steps, to try a recipe; None: never."""
    max_minutes: float | None = Field(default=None, gt=0.0)
    """Stop at the end of the epoch that passes this many minutes; None: never."""
    save_every_s: float = Field(default=120.0, ge=0.0)
    """Seconds between two saved states within an epoch; one is saved at its end."""

    optimizer: Literal["adamw", "adam"] = "adamw"
    lr: float = Field(default=1e-4, gt=0.0)
    """Highest learning rate, reached at the end of the warm-up."""
    weight_decay: float = Field(default=0.03, ge=0.0)
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = Field(default=1e-6, gt=0.0)
    schedule: Literal["cosine", "constant", "linear-tail", "exponential"] = "cosine"
    """After the warm-up; linear-tail is constant and then falls over the last 40 %;
    exponential falls to a tenth over every `decay_steps`."""
    rate_by: Literal["step", "epoch"] = "step"
    """When the rate changes; by epoch it is that of the epoch's beginning."""
    decay_steps: int = Field(default=150_000, ge=1)
    """Steps over which the exponential schedule falls to a tenth."""
    warmup: float = Field(default=0.05, ge=0.0, lt=1.0)
    """Share of all steps over which the rate rises from 0."""
    clip_norm: float | None = Field(default=1.0, gt=0.0)
    """Largest norm of all gradients together, or None for no clipping."""

    precision: Literal["fp32", "bf16", "auto"] = "fp32"
    """bf16: mixed precision by autocast; auto: bf16 where the device computes in it."""
    channels_last: bool = False
    """Keep convolution weights channels-last: faster on many CPUs and on GPUs."""
    layout: Literal["none", "weak", "strong", "continuous"] = "strong"
    """Layout simulation: none, flips, flips and quarter turns, or any turn."""
    layout_columns: Literal["exact", "geodtr", "geodtr_plus"] = "exact"
    """How 360 degree pictures are turned by columns; the others as those releases."""
    semantic: Literal["none", "weak", "strong"] = "strong"
    """Semantic augmentation: disturbed colours, each view by its own draw."""


def parse_settings(values: dict[str, Any]) -> TrainSettings:
    """Settings from plain values, as a YAML file or the command line gives them.

    Raises:
        ConfigError: naming the field, its value and what was expected; an unknown
            field with the closest known ones.
    """
    unknown = sorted(set(values) - set(TrainSettings.model_fields))
    if unknown:
        raise ConfigError(
            f"Training has no setting {unknown[0]!r}. "
            f"{closest(unknown[0], TrainSettings.model_fields)}"
        )
    try:
        return TrainSettings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise ConfigError(
            f"Training setting {field!r} is {first['input']!r}: {first['msg']}. "
            "Correct it in the recipe or with --set."
        ) from error


def apply_change(values: dict[str, Any], change: str) -> None:
    """Put one NAME=VALUE into the settings; a dot goes into the variant.

    Raises:
        ConfigError: if it is of another form.
    """
    name, sign, text = change.partition("=")
    if not sign or not name:
        raise ConfigError(f"--set {change!r} is not of the form NAME=VALUE.")
    value = _number(yaml.safe_load(text))
    inner, dot, key = name.partition(".")
    if dot:
        values[inner] = {**values.get(inner, {}), key: value}
    else:
        values[name] = value


def _number(value: Any) -> Any:
    """YAML reads 1e-4, without a point, as text."""
    if not isinstance(value, str):
        return value
    try:
        return float(value)
    except ValueError:
        return value
