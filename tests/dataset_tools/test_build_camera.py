"""What a build does to pictures, from the command line to the pack."""

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from types import SimpleNamespace

import numpy as np
import pytest
from drive_made import LAT, LON, write_drive, write_ortho
from PIL import Image

from dataset_tools.build import BuildSettings
from dataset_tools.build_pictures import fingerprint
from dataset_tools.geodesy import inverse
from dataset_tools.pack.check import check_pack
from dataset_tools.pack.read import Pack
from dataset_tools.records import Frame
from geobench.cli.main import main


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    write_drive(folder / "drive", count=9)
    write_ortho(folder / "ortho.tif", px=2.0)
    cubes = write_drive(folder / "cubes", count=9)
    for path in sorted(cubes.rglob("*.jpg")):
        image = Image.open(path)
        for i, name in enumerate(("front", "right", "back", "left")):
            tags = {"exif": image.getexif()} if name == "front" else {}
            face = image.crop((0, 0, 12, 12)).rotate(90 * i)
            face.save(path.with_name(f"{path.stem}_{name}.jpg"), **tags)
        path.unlink()
    return folder


def run(made, out, *words, drive="drive"):
    """(exit code, stdout, stderr) of a build."""
    fixed = [
        *("--drive", made / drive, "--imagery", made / "ortho.tif", "--licence", "CC0"),
        *("--m-per-px", 2, "--workers", 1, "--out", out / "a.pack", "--json"),
    ]
    said, complained = io.StringIO(), io.StringIO()
    with (
        redirect_stdout(said),
        redirect_stderr(complained),
        pytest.raises(SystemExit) as end,
    ):
        main([str(word) for word in ("data", "build", *fixed, *words)])
    return end.value.code, said.getvalue(), complained.getvalue()


def build(made, out, *words, **of):
    code, said, complained = run(made, out, *words, **of)
    assert code == 0, complained
    pack = Pack.open(out / "a.pack")
    assert check_pack(out / "a.pack", decode_pictures=True) == []
    return pack, json.loads(said)


def stage(told, name):
    return next(s for s in told["stages"] if s["stage"] == name)


def test_a_drive_of_panoramas_becomes_frames_of_a_limited_field_of_view(made, tmp_path):
    crop = ["--crop-hfov-deg", 60, "--crop-width-px", 32, "--crop-yaw-deg", -90]
    pack, told = build(made, tmp_path, "--projection", "equirectangular", *crop)
    assert stage(told, "view")["kept"] == 9
    frame = pack.frames.iloc[0]
    assert (frame.heading_deg, frame.hfov_deg) == (0.0, 60.0)
    assert frame.projection == "perspective"
    assert pack.picture("frame", pack.frames.index[0]).shape == (24, 32, 3)
    rules = pack.meta["made_by"]["rules"]["pictures"]
    assert rules["stored"] == {"changed": 7}
    assert rules["crop"]["hfov_deg"] == 60.0


def test_a_drive_of_cube_faces_becomes_panoramas(made, tmp_path):
    names = ["--cube-faces", "front,right,back,left", "--panorama-width-px", 64]
    pack, told = build(made, tmp_path, *names, "--panorama-vfov-deg", 70, drive="cubes")
    assert stage(told, "panoramas") == {
        "stage": "panoramas",
        "items": "faces",
        "given": 36,
        "kept": 36,
        "rejected": {},
    }
    assert list(pack.frames.index) == [f"s/{i:04d}" for i in range(7)]
    frame = pack.frames.iloc[0]
    assert (frame.projection, frame.hfov_deg) == ("equirectangular", 360.0)
    assert frame.heading_deg == 90.0
    assert frame.source == "s/0000_front.jpg"
    assert pack.picture("frame", "s/0000").shape == (12, 64, 3)


def test_faces_that_are_missing_are_counted_with_the_rest_of_their_cubes(
    made, tmp_path
):
    six = ["--cube-faces", "front,right,back,left,up,down"]
    code, _, complained = run(made, tmp_path, *six, drive="cubes")
    assert code == 3
    assert "missing-face 36, such as up against 6 faces" in complained
    assert not (tmp_path / "a.pack").exists()


def test_a_camera_ahead_and_above_of_the_antenna_moves_its_frames(made, tmp_path):
    words = ["--camera-forward-m", 2, "--camera-right-m", -1, "--camera-up-m", 3]
    pack, told = build(made, tmp_path, *words)
    assert stage(told, "camera")["kept"] == 9
    frame = pack.frames.iloc[0]
    bearing, metres = inverse(LAT, LON, frame.lat, frame.lon)
    # The vehicle heads east: 2 m east, 1 m north.
    assert float(metres) == pytest.approx(5**0.5, abs=0.01)
    assert float(bearing) == pytest.approx(63.43, abs=0.3)


def test_bonnet_and_boxes_are_gone_from_the_pack_and_it_says_so(made, tmp_path):
    boxes = tmp_path / "boxes.csv"
    boxes.write_text("picture,x0,y0,x1,y1\ns/0001.jpg,0,0,12,6\n")
    mask = ["--mask-bottom-px", 4, "--fill-grey", 0, "--blur-boxes", boxes]
    pack, _ = build(made, tmp_path, *mask, "--blur-kind", "fill")
    assert pack.picture("frame", "s/0000")[8:].max() < 40
    assert pack.picture("frame", "s/0001")[:6, :12].mean() < 40
    assert pack.picture("frame", "s/0000")[:6, :12].mean() > 90
    rules = pack.meta["made_by"]["rules"]["pictures"]
    assert rules["mask_bottom_px"] == 4
    assert rules["blur_boxes"]["boxes"] == 1


def test_pixels_of_an_untouched_build_do_not_change(made, tmp_path):
    pack, told = build(made, tmp_path)
    assert "view" not in [s["stage"] for s in told["stages"]]
    assert pack.meta["made_by"]["rules"]["pictures"] == {"stored": {"own-bytes": 7}}
    with Image.open(made / "drive" / "s" / "0000.jpg") as image:
        assert np.array_equal(pack.picture("frame", "s/0000"), np.asarray(image))


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["--crop-bearing-deg", 0], 2, "give --crop-hfov-deg too"),
        (["--crop-vfov-deg", 40], 2, "give --crop-hfov-deg"),
        (["--crop-hfov-deg", 60, "--north-up"], 2, "give --crop-bearing-deg 0"),
        (["--crop-hfov-deg", 60], 3, "no-panorama 9, such as perspective"),
        (["--north-up"], 3, "no-panorama 9"),
        (["--mask-bottom-px", 12], 3, "mask-size 9"),
        (["--blur", "nobody"], 2, "no installed package offers"),
        (["--cube-faces", "a,b"], 2, "four or six names are expected"),
        (["--crop-hfov-deg", 400], 2, "--crop-hfov-deg"),
        (["--mask", "nothing.png"], 3, "does not exist"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(made, tmp_path, words, code, sentence):
    found, _, complained = run(made, tmp_path, *words)
    assert found == code, complained
    assert sentence in complained
    assert not (tmp_path / "a.pack").exists()


def test_a_box_of_a_picture_that_is_not_there_stops_the_build(made, tmp_path):
    boxes = tmp_path / "boxes.csv"
    boxes.write_text("picture,x0,y0,x1,y1\n0001.jpg,0,0,12,6\n")
    code, _, complained = run(made, tmp_path, "--blur-boxes", boxes)
    assert code == 2
    assert "'0001.jpg', which is no picture of the drive" in complained


def test_headings_that_change_crops_change_what_a_build_is_made_from(made, tmp_path):
    def inputs(bearing):
        settings = BuildSettings(
            drive=made / "drive",
            imagery=(made / "ortho.tif",),
            licence="CC0",
            m_per_px=2.0,
            projection="equirectangular",
            crop_hfov_deg=60.0,
            crop_bearing_deg=bearing,
            out=tmp_path / "a.pack",
        )
        contents = SimpleNamespace(tiles=[], frames=[one(bearing)])
        return fingerprint(settings, contents)

    def one(yaw):
        return Frame(
            frame_id="a",
            session_id="s",
            order=0,
            lat=LAT,
            lon=LON,
            source="s/0000.jpg",
            yaw_deg=yaw,
        )

    assert inputs(10.0) == inputs(10.0) != inputs(20.0)


def test_an_installed_plug_in_finds_boxes_and_the_pack_names_its_version(
    made, tmp_path, monkeypatch
):
    packages = tmp_path / "packages"
    info = packages / "plates-1.2.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: plates\nVersion: 1.2\n"
    )
    (info / "entry_points.txt").write_text(
        "[crossview_geobench.blur]\nplates = plates_found:find\n"
    )
    (packages / "plates_found.py").write_text(
        "def find(picture):\n    return [[0, 0, picture.shape[1], 6]]\n"
    )
    monkeypatch.syspath_prepend(packages)
    words = ["--blur", "plates", "--blur-kind", "fill", "--fill-grey", 0]
    pack, _ = build(made, tmp_path, *words)
    assert pack.picture("frame", "s/0003")[:5].max() < 60
    assert pack.picture("frame", "s/0003")[8:].mean() > 90
    rules = pack.meta["made_by"]["rules"]["pictures"]
    assert rules["blur"] == {
        "name": "plates",
        "distribution": "plates",
        "version": "1.2",
    }
    assert rules["blur_kind"] == "fill"


def test_a_picture_that_its_exif_turns_is_stored_upright_counted_and_told(
    made, tmp_path
):
    drive = write_drive(tmp_path / "turned", count=9)
    path = drive / "s" / "0002.jpg"
    with Image.open(path) as image:
        tags = image.getexif()
        tags[0x0112] = 6
        image.save(path, exif=tags, quality=95)
    pack, told = build(made, tmp_path, drive=drive)
    assert pack.picture("frame", "s/0002").shape == (24, 12, 3)
    assert pack.picture("frame", "s/0003").shape == (12, 24, 3)
    rules = pack.meta["made_by"]["rules"]["pictures"]
    assert rules == {"stored": {"own-bytes": 6, "turned": 1}}
    assert any("1 of 7 pictures are encoded again" in w for w in told["warnings"])
    assert any("2 sizes are stored" in w for w in told["warnings"])
