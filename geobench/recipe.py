"""Recipes: how a row of a published table is trained and tested, as data.

One YAML file a training, in `geobench/recipes/published`; `extends` lays a file over
another one, dictionaries key by key and notes one list after the other.
"""

from collections.abc import Mapping
from importlib.resources import files
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from geobench.errors import ConfigError, RegistryError, closest

FOLDER = "recipes/published"
MERGED = ("variant", "train")


class Recipe(BaseModel):
    """One training and the published rows that it should reproduce."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    dataset: str
    """Name of the pack to train on; "-cleaned" and "-corrected" packs do as well."""
    model: str
    variant: dict[str, Any] = {}
    pretrained: bool = False
    """Whether trunks start from ImageNet weights."""
    train: dict[str, Any] = {}
    select: Literal["best", "last"] = "last"
    """Which checkpoint is tested; "best" is chosen on the list that the authors chose
    theirs on, which is their test."""
    notes: list[str] = []
    """Where the recipe differs from what was published."""
    rows: dict[str, str]
    """Task -> row of the catalogue."""


def recipe_names() -> list[str]:
    """Names of all recipes, sorted."""
    return sorted(name for name, values in _all().items() if not _is_abstract(values))


def find_recipe(name: str) -> Recipe:
    """A recipe by name.

    Raises:
        RegistryError: if there is none; the message names the closest.
        ConfigError: if its file makes no sense.
    """
    found = _all()
    if name not in found or _is_abstract(found[name]):
        raise RegistryError(
            f"No recipe is called {name!r}. {closest(name, recipe_names())}"
        )
    values = _resolved(name, found)
    try:
        return Recipe.model_validate({"name": name, **values})
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"Recipe {name!r}, {field}: {first['msg']}.") from error


def _all() -> dict[str, Mapping[str, Any]]:
    folder = files("geobench").joinpath(FOLDER)
    return {
        entry.name.removesuffix(".yaml"): yaml.safe_load(entry.read_text("utf-8"))
        for entry in folder.iterdir()
        if entry.name.endswith(".yaml")
    }


def _is_abstract(values: Mapping[str, Any]) -> bool:
    return bool(values.get("abstract", False))


def _resolved(name: str, found: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """A file's values laid over those of the file that it extends."""
    own = dict(found[name])
    own.pop("abstract", None)
    base = own.pop("extends", None)
    if base is None:
        return own
    below = _resolved(base, found)
    for key in MERGED:
        own[key] = {**below.get(key, {}), **own.get(key, {})}
    own["notes"] = [*below.get("notes", []), *own.get("notes", [])]
    return {**below, **own}
