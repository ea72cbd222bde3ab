"""Broken and hostile input of a build, from the command line.

Either one sentence with the right exit code and nothing left behind, or a pack without
the bad items, which are counted by reason.
"""

import json
import math
import shutil
import struct
import sys
import zlib
from pathlib import Path

import pytest
from PIL import Image

from geobench.cli.main import main

sys.path.insert(0, str(Path(__file__).parents[1] / "dataset_tools"))

from drive_made import LAT, LON, write_drive, write_ortho, write_picture

SECRET = b"a file of somebody else"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    write_drive(folder / "drive", count=20)
    write_ortho(folder / "ortho.tif", px=2.0)
    (folder / "secret.jpg").write_bytes((folder / "drive/s/0000.jpg").read_bytes())
    return folder


@pytest.fixture
def run(made, tmp_path, capsys):
    """A build in which options are replaced; returns (exit code, stdout, stderr)."""

    def build(**changes):
        given = {
            "drive": made / "drive",
            "imagery": made / "ortho.tif",
            "licence": "CC0-1.0",
            "m_per_px": 2,
            "out": tmp_path / "out" / "a.pack",
        }
        words = ["data", "build"]
        for name, value in (given | changes).items():
            if value is not None:
                words += ["--" + name.replace("_", "-"), str(value)]
        with pytest.raises(SystemExit) as end:
            main(words)
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        assert SECRET.decode() not in said.err + said.out
        return end.value.code, said.out, said.err

    return build


def features(*coordinates, **properties):
    ring = [list(c) for c in coordinates]
    polygon = {"type": "Polygon", "coordinates": [ring]}
    feature = {"type": "Feature", "properties": properties, "geometry": polygon}
    return json.dumps({"type": "FeatureCollection", "features": [feature]})


def listing(*names, lat=LAT, lon=LON, side_m=80):
    tiles = [{"file": n, "lat": lat, "lon": lon} for n in names]
    return json.dumps({"side_m": side_m, "tiles": tiles})


def gpx(*points, head=""):
    inner = "".join(f'<trkpt lat="{a}" lon="{o}"/>' for a, o in points)
    return (
        f'<?xml version="1.0"?>{head}<gpx xmlns="http://www.topografix.com/GPX/1/1" '
        f'version="1.1" creator="x"><trk><trkseg>{inner}</trkseg></trk></gpx>'
    )


BOMB = (
    '<!DOCTYPE gpx [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {x} "&{y};&{y};&{y};">' for x, y in ("ba", "cb", "dc"))
    + "]>"
)
ALIASES = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join(['*' + old] * 9)}]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
ALIASES += "sources: *i\n"
OUTSIDE = '<!DOCTYPE gpx [<!ENTITY s SYSTEM "file:///etc/passwd">]>'
SQUARE = ((0.0, 0.0), (0.0, 1.0), (1.0, 1.0), (0.0, 0.0))

TEXTS = {
    # name: (option, file name, content, exit code, what is said)
    "areas that are no JSON": ("areas", "a.geojson", "{", 3, "a.geojson"),
    "areas with a split of another name": (
        "areas",
        "a.geojson",
        features(*SQUARE, split="tset"),
        3,
        "'tset'",
    ),
    "areas with a coordinate that is no number": (
        "areas",
        "a.geojson",
        features((float("nan"), 0.0), *SQUARE[1:], split="test"),
        3,
        "a.geojson",
    ),
    "areas with an infinite coordinate": (
        "areas",
        "a.geojson",
        features((float("inf"), 0.0), *SQUARE[1:], split="test"),
        3,
        "a.geojson",
    ),
    "strata that are no JSON": ("strata", "s.geojson", "[", 3, "s.geojson"),
    "strata with a coordinate that is no number": (
        "strata",
        "s.geojson",
        features((float("nan"), 0.0), *SQUARE[1:], stratum="urban"),
        3,
        "s.geojson",
    ),
    "a tile list with an absolute path": (
        "imagery",
        "l.json",
        listing("/etc/passwd"),
        3,
        "file-outside-folder",
    ),
    "a tile list with a path out of its folder": (
        "imagery",
        "l.json",
        listing("../secret.jpg"),
        3,
        "file-outside-folder",
    ),
    "a tile list with a drive letter": (
        "imagery",
        "l.json",
        listing("C:\\secret.jpg"),
        3,
        "file-outside-folder",
    ),
    "a tile list with an infinite position": (
        "imagery",
        "l.json",
        listing("a.jpg", lat=float("inf")),
        3,
        "bad-position",
    ),
    "a tile list without entries": ("imagery", "l.json", listing(), 3, "l.json"),
    "a GPX file with entities in entities": (
        "track",
        "t.gpx",
        gpx((LAT, LON), head=BOMB),
        3,
        "t.gpx",
    ),
    "a GPX file that wants another file": (
        "track",
        "t.gpx",
        gpx((LAT, LON), head=OUTSIDE),
        3,
        "t.gpx",
    ),
    "a GPX file that ends early": ("track", "t.gpx", gpx((LAT, LON))[:-20], 3, "t.gpx"),
    "a track without columns of position": (
        "track",
        "t.csv",
        "time,speed\n1,2\n",
        3,
        "t.csv",
    ),
    "a track of another kind": ("track", "t.docx", "PK", 2, "t.docx"),
    "a list of sources with an absolute path": (
        "imagery_sources",
        "s.yaml",
        "sources:\n- {path: /etc/passwd, licence: CC0-1.0}\n",
        3,
        "/etc/passwd",
    ),
    "a list of sources with a path out of its folder": (
        "imagery_sources",
        "s.yaml",
        "sources:\n- {path: ../ortho.tif, licence: CC0-1.0}\n",
        3,
        "../ortho.tif",
    ),
    "a list of sources without a licence": (
        "imagery_sources",
        "s.yaml",
        "sources:\n- {path: ortho.tif}\n",
        3,
        "licence",
    ),
    "a list of sources that repeats itself without end": (
        "imagery_sources",
        "s.yaml",
        ALIASES,
        3,
        "s.yaml",
    ),
    "a list of sources that would make an object": (
        "imagery_sources",
        "s.yaml",
        "!!python/object/apply:os.system ['true']\n",
        3,
        "s.yaml",
    ),
    "a raster that is none": ("imagery", "o.tif", "no picture", 3, "o.tif"),
    "a raster made of other files": (
        "imagery",
        "o.vrt",
        '<VRTDataset rasterXSize="1" rasterYSize="1"/>',
        3,
        "o.vrt",
    ),
}


@pytest.mark.parametrize("case", TEXTS, ids=str)
def test_a_bad_file_is_one_sentence_and_nothing_is_left(run, tmp_path, case):
    option, name, text, code, said = TEXTS[case]
    path = tmp_path / "in" / name
    path.parent.mkdir()
    path.write_text(text)
    more = {"split_scheme": "polygons"} if option == "areas" else {}
    if option == "track":
        more = {"drive": None}
    if option == "imagery_sources":
        more = {"imagery": None}
    got, _, err = run(**{option: path}, **more)
    assert (got, said in err) == (code, True), err
    assert err.startswith(("Error: ", "Usage: "))
    assert len([line for line in err.splitlines() if line.startswith("Error: ")]) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        ({"tile_m": "nan"}, 2, "--tile-m"),
        ({"tile_m": "inf"}, 2, "--tile-m"),
        ({"m_per_px": "1e-300"}, 2, "pixels"),
        ({"buffer_m": "-1"}, 2, "--buffer-m"),
        ({"shard_mib": "inf"}, 2, "--shard-mib"),
        ({"drive": "{made}/gone"}, 3, "gone"),
        ({"imagery": "{made}/gone.tif"}, 3, "gone.tif"),
        ({"licence": ""}, 2, "--licence"),
    ],
)
def test_a_parameter_that_makes_no_sense_is_one_sentence(
    run, made, tmp_path, changes, code, said
):
    given = {k: v.format(made=made) for k, v in changes.items()}
    got, _, err = run(**given)
    assert (got, said in err) == (code, True), err
    assert not (tmp_path / "out").exists()


def folder_of(tmp_path, kind):
    folder = tmp_path / "in"
    folder.mkdir()
    if kind == "notes":
        (folder / "notes.txt").write_text("no picture here")
    return folder


@pytest.mark.parametrize("option", ["drive", "imagery"])
@pytest.mark.parametrize("kind", ["empty", "notes"])
def test_a_folder_without_pictures_is_one_sentence(run, tmp_path, option, kind):
    got, _, err = run(**{option: folder_of(tmp_path, kind)})
    assert got == 3
    assert err.startswith("Error: ")
    assert not (tmp_path / "out").exists()


def bomb_png():
    """A PNG whose header states 30,000 x 30,000 pixels."""

    def chunk(kind, data):
        end = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", end)

    head = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    body = zlib.compress(b"\0" * 90_001)
    parts = (chunk(b"IHDR", head), chunk(b"IDAT", body), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def with_bad_pictures(drive, secret):
    """A sound drive with pictures beside it that must not get into a pack."""
    write_drive(drive, count=20)
    session = drive / "s"
    whole = (session / "0010.jpg").read_bytes()
    (session / "a-text.jpg").write_text("no picture")
    (session / "b-empty.jpg").write_bytes(b"")
    (session / "c-bomb.png").write_bytes(bomb_png())
    (session / "d-head-only.jpg").write_bytes(whole[:60])
    (session / "e-link.jpg").symlink_to(secret)
    write_picture(session / "f-nan.jpg", second=500)
    return drive


def test_bad_pictures_of_a_drive_are_counted_and_left_out(run, made, tmp_path):
    drive = with_bad_pictures(tmp_path / "drive", made / "secret.jpg")
    got, out, err = run(drive=drive, name="a")
    assert got == 0, err
    assert "unreadable-picture 4" in out
    assert "link-out-of-drive 1" in out
    assert "no-gps 1" in out
    assert (tmp_path / "out" / "a.pack" / "pack.json").is_file()


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (["nan,-72.6", "44.5,nan"], "not-a-number"),
        (["inf,-72.6", "44.5,-inf"], "not-a-number"),
        (["1e999,-72.6", "44.5,181"], "not-a-number"),
        (["0,0", "0.0,0.0"], "null-island"),
    ],
)
def test_positions_that_are_none_are_counted(run, made, tmp_path, rows, reason):
    from dataset_tools.geodesy import LocalFrame

    lat, lon = LocalFrame(LAT, LON).to_degrees([8.0 * i for i in range(20)], [0.0] * 20)
    good = [f"{y:.8f},{x:.8f}" for y, x in zip(lat.tolist(), lon.tolist(), strict=True)]
    track = tmp_path / "t.csv"
    track.write_text("\n".join(["lat,lon", *good[:10], *rows, *good[10:]]) + "\n")
    got, out, err = run(drive=None, track=track)
    assert got == 0, err
    read = next(line for line in out.splitlines() if line.startswith("track"))
    assert " 22 " in read
    assert reason in out


def test_a_link_in_a_tile_list_does_not_leave_its_folder(run, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    square = tmp_path / "elsewhere.png"
    Image.new("RGB", (256, 256), (9, 99, 9)).save(square)
    (folder / "a.png").symlink_to(square)
    (folder / "l.json").write_text(listing("a.png", side_m=400))
    got, _, err = run(imagery=folder / "l.json")
    assert got == 3
    assert "file-outside-folder" in err
    assert not (tmp_path / "out").exists()


def map_tile(lat, lon, zoom):
    """Column and row of the Web Mercator tile of a position."""
    across = (lon + 180.0) / 360.0
    down = (1.0 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2.0
    return int(across * 2**zoom), int(down * 2**zoom)


def write_map(folder, make):
    """Map tiles over the drive, each made by `make(path)`."""
    x, y = map_tile(LAT, LON, 15)
    for column in (x - 1, x, x + 1):
        (folder / "15" / str(column)).mkdir(parents=True)
        for row in (y - 1, y, y + 1):
            make(folder / "15" / str(column) / f"{row}.png")
    return folder


def test_links_in_a_tile_folder_do_not_leave_it(run, tmp_path):
    square = tmp_path / "elsewhere.png"
    Image.new("RGB", (256, 256), (9, 99, 9)).save(square)
    linked = write_map(tmp_path / "in", lambda path: path.symlink_to(square))
    got, _, err = run(imagery=linked)
    assert got == 3
    assert err.startswith("Error: ")
    assert not (tmp_path / "out").exists()
    # The same tiles as files are enough for a pack.
    copied = write_map(tmp_path / "files", lambda p: shutil.copy(square, p))
    assert run(imagery=copied)[0] == 0


def test_map_tiles_of_two_sizes_are_counted_and_not_used(run, tmp_path):
    middle = map_tile(LAT, LON, 15)

    def write(path):
        is_middle = (int(path.parent.name), int(path.stem)) == middle
        side = 512 if is_middle else 256
        Image.new("RGB", (side, side), (9, 99, 9)).save(path)

    got, _, err = run(imagery=write_map(tmp_path / "in", write))
    assert got == 3
    assert "imagery-unreadable" in err
    assert not (tmp_path / "out").exists()
