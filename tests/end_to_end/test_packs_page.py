"""The commands and the Python of docs/packs.md run as printed."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from dataset_tools.geodesy import LocalFrame
from dataset_tools.pack.check import check_pack
from dataset_tools.pack.format import content_sha256
from dataset_tools.pack.read import Pack, read_meta
from geobench.cli.main import cli

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "dataset_tools"))
from drive_made import LAT, LON, write_drive, write_ortho  # noqa: E402

PAGE = (ROOT / "docs" / "packs.md").read_text(encoding="utf-8")
BOX = ("-72.62 44.25 -72.61 44.27", "-72.62 44.49 -72.598 44.51")
"""The page's bounds of the made world, and those of the drive in its place."""


def commands():
    """Each command, without the one that makes the world."""
    blocks = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").replace(*BOX).strip().splitlines()
    return [line for line in lines if "synthesize" not in line]


def write_areas(path):
    """Train in the west and test in the east of the drive, 200 m between."""
    place = LocalFrame(LAT, LON)
    features = []
    for split, west, east in (("train", -50, 230), ("test", 430, 900)):
        corners = [(west, -90), (east, -90), (east, 90), (west, 90), (west, -90)]
        lat, lon = place.to_degrees(*zip(*corners, strict=True))
        ring = [[float(x), float(y)] for x, y in zip(lon, lat, strict=True)]
        shape = {"type": "Polygon", "coordinates": [ring]}
        about = {"type": "Feature", "properties": {"split": split}, "geometry": shape}
        features.append(about)
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What the commands leave in a folder with two drives in the world's place."""
    folder = tmp_path_factory.mktemp("page")
    home, other = folder / "world" / "home", folder / "world" / "cross-layout"
    write_drive(home / "ground-panorama", count=30, step_m=24.0)
    write_ortho(home / "imagery" / "ortho.tif", east_m=900)
    write_areas(home / "areas.geojson")
    write_drive(other / "ground-panorama", count=5, north_m=120.0, session="other")
    write_ortho(other / "imagery" / "ortho.tif")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for line in commands():
            if not line.startswith("geobench "):
                subprocess.run(line, shell=True, check=True)
                continue
            result = CliRunner().invoke(cli, shlex.split(line)[1:])
            assert result.exit_code == 0, (line, result.output, result.exception)
    return folder


def test_every_pack_of_the_page_is_sound(folder):
    packs = sorted(folder.glob("*.pack"))
    names = "both few home home-polar hurt layout test west"
    assert {p.stem for p in packs} == set(names.split())
    for path in packs:
        errors = [f for f in check_pack(path) if f.severity == "error"]
        assert errors == [], path


def test_the_mended_pack_is_the_whole_one_again(folder):
    home, hurt = folder / "home.pack", folder / "hurt.pack"
    assert content_sha256(home) == content_sha256(hurt)


def test_parts_and_the_whole_have_the_counts_that_the_page_makes_one_expect(folder):
    counts = {p.stem: read_meta(p)["counts"] for p in folder.glob("*.pack")}
    assert counts["both"]["sequences"] == (
        counts["home"]["sequences"] + counts["layout"]["sequences"]
    )
    with Pack.open(folder / "home.pack") as pack:
        test = pack.split_ids("area", "test", "sequence")
    assert counts["test"]["sequences"] == len(test) > 0
    assert 0 < counts["few"]["sequences"] <= 20
    assert 0 < counts["west"]["sequences"] < counts["home"]["sequences"]


def test_the_exports_of_the_page_are_there(folder):
    assert (folder / "home.gpkg").is_file()
    assert (folder / "home-geojson" / "tiles.geojson").is_file()
    assert (folder / "home-csv" / "about.json").is_file()
    said = json.loads((folder / "home.pack" / "croissant.json").read_text())
    assert said["url"] == "https://example.org/home"


def test_the_python_of_the_page_runs(folder, monkeypatch):
    monkeypatch.chdir(folder)
    seen = {}
    for text in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(compile(text, "docs/packs.md", "exec"), seen)
    assert seen["picture"].size == (160, 160)
    assert seen["pixels"].shape == (12, 24, 3)
