"""The commands of docs/imagery.md run as printed."""

import re
import shlex
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from dataset_tools.pack.check import check_pack
from dataset_tools.pack.read import Pack
from geobench.cli.main import cli

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "dataset_tools"))
from drive_made import write_drive, write_ortho  # noqa: E402

PAGE = (ROOT / "docs" / "imagery.md").read_text(encoding="utf-8")


def commands():
    """The words of each command, without the one that makes the world."""
    blocks = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").strip().splitlines()
    return [shlex.split(line)[1:] for line in lines if "synthesize" not in line]


@pytest.fixture(scope="module")
def packs(tmp_path_factory):
    """What the commands leave in a folder with a drive in the world's place."""
    folder = tmp_path_factory.mktemp("page")
    write_drive(folder / "world" / "home" / "ground-front", count=20)
    write_ortho(folder / "world" / "home" / "imagery" / "ortho.tif")
    write_ortho(folder / "world" / "cross-imagery" / "imagery" / "ortho.tif")
    for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL):
        name = text.splitlines()[0].removeprefix("# ")
        (folder / name).write_text(text, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for words in commands():
            words = [*words, "--workers", "1"]  # starting processes takes longest
            result = CliRunner().invoke(cli, words, catch_exceptions=False)
            assert result.exit_code == 0, (words, result.output)
    return folder


def test_every_command_of_the_page_makes_a_sound_pack(packs):
    names = [words[words.index("--out") + 1] for words in commands()]
    assert names == ["sources.pack", "centred.pack", "ahead.pack", "grid.pack"]
    for name in names:
        assert check_pack(packs / name, decode_pictures=True) == []


def test_the_list_of_sources_of_the_page_gives_terms_and_date(packs):
    with Pack.open(packs / "sources.pack") as pack:
        terms = {r["source"]: r["licence"] for r in pack.meta["licences"]}
        assert terms["ortho.tif"] == "CC-BY-4.0"  # the second of that name
        assert {d.isoformat() for d in pack.tiles["captured"]} == {"2024-06-18"}
        assert set(pack.tiles["season"]) == {"leaf-on"}


def test_the_tiles_of_the_page_lie_as_it_says(packs):
    own = {}
    for name in ("centred", "ahead", "grid"):
        with Pack.open(packs / f"{name}.pack") as pack:
            offsets = [
                (o["east_m"], o["north_m"])
                for s in pack.sequences.itertuples()
                for o in s.offsets
                if o["tile_id"] in s.positives
            ]
            own[name] = offsets
            if name == "grid":
                assert len(pack.tiles) > 3 * len(offsets)
    assert max(abs(v) for o in own["centred"] for v in o) < 1e-6
    assert all(15.0 <= east <= 25.0 for east, _ in own["ahead"])  # it drives east
    assert max(abs(v) for o in own["grid"] for v in o) <= 20.01


def test_the_page_names_every_option_of_imagery_and_tiles():
    from dataset_tools.settings.tile import ImagerySettings, TileSettings

    elsewhere = {"tile_m", "m_per_px", "gallery", "gallery_side_m", "attribution"}
    for name in {*ImagerySettings.model_fields, *TileSettings.model_fields} - elsewhere:
        assert f"--{name.replace('_', '-')}" in PAGE, name
