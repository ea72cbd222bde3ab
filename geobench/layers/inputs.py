"""From a constructor's keyword arguments to the `InputSpec` of a model."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from geobench.errors import ConfigError, closest
from geobench.model import InputSpec

IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
"""Of RGB in [0, 1], as torchvision's and timm's weights expect it."""


def input_spec(published: InputSpec, given: Mapping[str, Any]) -> InputSpec:
    """The published inputs of a model with some fields replaced.

    Args:
        published: what the model's paper feeds it.
        given: fields of `InputSpec` to replace; lists (as from YAML) become tuples.

    Returns:
        The inputs.

    Raises:
        ConfigError: if a key is no field of `InputSpec`, or a size is not positive.
    """
    known = [field.name for field in fields(InputSpec)]
    for key in given:
        if key not in known:
            raise ConfigError(
                f"No model argument or input is called {key!r}. {closest(key, known)}"
            )
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}
    spec = replace(published, **values)
    for name in ("ground_size", "satellite_size"):
        size = getattr(spec, name)
        if len(size) != 2 or min(size) < 1:
            raise ConfigError(
                f"{name} is {size}; give height and width in pixels, both positive."
            )
    return spec


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> str:
    """The value, if it is one of the choices.

    Raises:
        ConfigError: if it is not; the message names the closest.
    """
    if value not in choices:
        raise ConfigError(f"{name} is {value!r}. {closest(value, choices)}")
    return value
