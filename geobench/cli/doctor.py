"""`geobench doctor`: what is installed, what is missing, and what to do about it."""

import importlib
import json
import os
import platform
import shutil
import sys
from importlib import metadata
from pathlib import Path

import click

from geobench import __version__
from geobench.cli.options import as_json

DISTRIBUTION = "crossview-geobench"
NEEDED = {
    "numpy": "numpy",
    "scipy": "scipy",
    "pandas": "pandas",
    "pyarrow": "pyarrow",
    "h5py": "h5py",
    "PIL": "pillow",
    "shapely": "shapely",
    "pyproj": "pyproj",
    "rasterio": "rasterio",
    "torch": "torch",
    "torchvision": "torchvision",
    "timm": "timm",
    "safetensors": "safetensors",
    "matplotlib": "matplotlib",
    "jinja2": "jinja2",
    "pydantic": "pydantic",
    "yaml": "pyyaml",
    "click": "click",
    "tqdm": "tqdm",
    "defusedxml": "defusedxml",
    "gpxpy": "gpxpy",
    "filelock": "filelock",
}
"""Import name to distribution of what the packages import."""
OURS = ("geobench", "dataset_tools", "baselines", "reference_models")
FREE_DISK_GB = 5.0
"""Room that the `small` demo needs with its packs and checkpoints, gigabytes."""
Check = tuple[str, bool, str]
"""(what was checked, whether it is good, what was found or what to do)."""


@click.command(epilog="Example: geobench doctor --json")
@as_json
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """Check this installation; exit code 1 if something needs doing."""
    found = [_python(), *_libraries(), *_own_packages(), _projections(), _device()]
    found += [_disk(Path.cwd()), _threads()]
    if as_json:
        rows = [{"check": a, "ok": b, "found": c} for a, b, c in found]
        click.echo(json.dumps({"version": __version__, "checks": rows}, indent=2))
    else:
        for what, good, said in found:
            click.echo(f"{'ok  ' if good else 'FIX '} {what:<18} {said}")
    ctx.exit(0 if all(good for _, good, _ in found) else 1)


def _python() -> Check:
    good = (3, 11) <= sys.version_info[:2] < (3, 14)
    said = platform.python_version()
    return "python", good, said if good else f"{said}; use Python 3.11 to 3.13"


def _libraries() -> list[Check]:
    return [_library(name) for name in NEEDED]


def _library(name: str) -> Check:
    try:
        importlib.import_module(name)
        return name, True, metadata.version(NEEDED[name])
    except ImportError as error:  # PackageNotFoundError is one too
        return name, False, f"cannot be imported ({error}); run `make install`"


def _own_packages() -> list[Check]:
    """Each of our packages must be ours: GEO-Bench's import name is the same."""
    root = Path(__file__).resolve().parents[2]
    rows: list[Check] = []
    for name in OURS:
        found = importlib.import_module(name).__file__ or ""
        good = Path(found).resolve().is_relative_to(root)
        advice = f"comes from {found}; uninstall what shadows {DISTRIBUTION}"
        rows.append((name, good, __version__ if good else advice))
    try:
        other = metadata.version("geobench")
    except metadata.PackageNotFoundError:
        return rows
    advice = f"another distribution `geobench` {other} is installed; uninstall it"
    return [*rows, ("name clash", False, advice)]


def _projections() -> Check:
    """One known distance, so that a broken PROJ data folder shows here."""
    from dataset_tools.geodesy import distance_m

    metres = float(distance_m(0.0, 179.9999, 0.0, -179.9999))
    good = abs(metres - 22.264) < 0.01
    return "geodesy", good, f"0.0002 degrees of the equator are {metres:.3f} m"


def _device() -> Check:
    import torch

    if torch.cuda.is_available():
        return "device", True, f"cuda: {torch.cuda.get_device_name(0)}"
    return "device", True, "cpu only: presets tiny and small; town wants a GPU"


def _disk(folder: Path) -> Check:
    free = shutil.disk_usage(folder).free / 1e9
    good = free >= FREE_DISK_GB
    return "disk", good, f"{free:.1f} GB free" + ("" if good else "; 5 GB are wanted")


def _threads() -> Check:
    return "processors", True, f"{os.cpu_count()}"
