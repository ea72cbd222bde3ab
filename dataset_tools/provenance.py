"""What `made_by` in `pack.json` says of a run, without telling of the machine."""

import platform
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any


def parameters(given: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters by name, with names of files instead of paths."""
    return {
        name: _plain(value)
        for name, value in sorted(given.items())
        if name != "overwrite"
    }


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Versions of Python, of this toolkit and of packages."""
    names = ("crossview-geobench", *packages)
    return {"python": platform.python_version(), **{n: _version(n) for n in names}}


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return value.name
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    return value


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
