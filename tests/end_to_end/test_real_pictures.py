"""Pictures that nobody in this project took: what is stripped, what is put together."""

import io
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.transform import from_origin

from dataset_tools.build import BuildSettings, build_pack
from dataset_tools.geodesy import transformer
from dataset_tools.pack.read import Pack
from dataset_tools.pictures import decode, without_metadata
from dataset_tools.pictures.faces import CubeRule, face_names, join_faces
from dataset_tools.pictures.view import PictureRule
from dataset_tools.pictures.work import open_tools, stored_bytes
from dataset_tools.tracks.exif import read_pictures

SHARED = Path(__file__).parents[3] / "shared" / "realdata"
REALDATA = Path(os.environ.get("GEOBENCH_REALDATA", SHARED))

pytestmark = pytest.mark.skipif(
    not REALDATA.is_dir(),
    reason="no real input: set GEOBENCH_REALDATA as docs/real-data.md says",
)

CAMERAS = REALDATA / "panoramax_exif_sequences"
CUBES = REALDATA / "panoramax_lege_cap_ferret" / "faces"

SECRETS = {
    "drive_rennes/e1.jpg": [b"SONY", b"FDR-X1000V"],
    "pano360_hautil/1.jpg": [b"C3351324514062", b"C33613B24591801", b"GoPro"],
    "defects/xpcomment.jpg": [b"53HQK6K0M113QP", b"DJI", b"[ae_dbg_info"],
    "defects/e1_artist.jpg": [b"Adrien Pavie"],
    "defects/invalid_exif.jpg": ["Carto'Cité".encode(), b"ONEPLUS"],
    "defects/focal_zero.jpg": [b"Yaw:51.69958", b"OnePlus5-user"],
    "defects/crop.jpg": [b"Pixel 6a", b"GPano"],
    "defects/d1.jpg": [b"Pixel 3", b"GIMP"],
}
"""File -> what its maker or owner left in it: names, serial numbers, debug output."""


def sound(folder):
    return [p for p in sorted(folder.rglob("*.jpg")) if p.name != "invalid_pic.jpg"]


@pytest.mark.parametrize("name", sorted(SECRETS))
def test_owner_serial_number_and_maker_are_gone_and_every_pixel_is_left(name):
    data = (CAMERAS / name).read_bytes()
    clean = without_metadata(data)
    for secret in SECRETS[name]:
        assert secret in data
        assert secret not in clean
    assert np.array_equal(decode(clean), decode(data))


@pytest.mark.parametrize("path", sound(CAMERAS), ids=lambda p: p.name)
def test_no_picture_keeps_a_tag_a_packet_or_a_second_picture(path):
    with Image.open(io.BytesIO(without_metadata(path.read_bytes()))) as image:
        assert dict(image.getexif()) == {}
        assert not {"exif", "xmp", "comment", "mp", "photoshop"} & set(image.info)
        assert getattr(image, "n_frames", 1) == 1


def ortho(path, lat, lon):
    """A grey GeoTIFF of 600 m around a place, in UTM."""
    zone = f"EPSG:{32601 + int((lon + 180) // 6)}"
    x, y = transformer("EPSG:4326", zone).transform(lon, lat)
    options = {"driver": "GTiff", "width": 300, "height": 300, "count": 3}
    corner = from_origin(x - 300, y + 300, 2.0, 2.0)
    with rasterio.open(
        path, "w", dtype="uint8", crs=zone, transform=corner, **options
    ) as target:
        target.write(np.full((3, 300, 300), 90, np.uint8))
    return path


@pytest.fixture(scope="module")
def pack(tmp_path_factory):
    """The drive of Rennes, the panorama and the pictures with owners, one a frame."""
    folder = tmp_path_factory.mktemp("cameras")
    for name in ("drive_rennes", "pano360_hautil", "defects"):
        shutil.copytree(CAMERAS / name, folder / "drive" / name)
    settings = BuildSettings(
        drive=folder / "drive",
        imagery=(
            ortho(folder / "rennes.tif", 48.15507, -1.68447),
            ortho(folder / "hautil.tif", 49.00689, 1.91919),
        ),
        licence="MIT",
        out=folder / "a.pack",
        frames_per_sequence=1,
        stride=1,
        m_per_px=2.0,
    )
    return build_pack(settings)


def test_a_pack_of_them_holds_no_name_no_number_and_no_camera(pack):
    stored = b"".join(
        path.read_bytes() for path in sorted(pack.path.iterdir()) if path.is_file()
    )
    assert pack.counts["frames"] >= 6
    for secret in [secret for several in SECRETS.values() for secret in several]:
        # Three or four letters can come about in compressed pixels by themselves.
        assert len(secret) < 5 or secret not in stored, secret
    for word in (b"Exif\x00", b"xpacket", b"ns.adobe.com", b"MPF\x00"):
        assert word not in stored, word


def test_the_panorama_of_the_pack_has_the_heading_and_the_pixels_of_its_file(pack):
    with Pack.open(pack.path) as opened:
        frame = opened.frames.loc["pano360_hautil/1"]
        assert frame.heading_deg == pytest.approx(349.06, abs=0.01)
        assert (frame.projection, frame.hfov_deg) == ("equirectangular", 360.0)
        found = opened.picture("frame", "pano360_hautil/1")
    source = decode((CAMERAS / "pano360_hautil" / "1.jpg").read_bytes())
    assert np.array_equal(found, source)


def test_what_is_no_picture_or_has_no_position_is_counted(pack):
    (stage,) = [s for s in pack.stages if s.stage == "pictures"]
    assert stage.rejected["unreadable-picture"] == 1
    assert stage.rejected["bad-gps-number"] == 1
    assert stage.rejected["no-gps"] >= 2
    assert stage.given == stage.kept + sum(stage.rejected.values())


def test_real_cube_faces_join_without_a_seam():
    rule = CubeRule(names=face_names("front,right,back,left"), vfov_deg=70.0)
    faces = read_pictures(CUBES, need_position=False).kept
    joined = join_faces(faces, rule, need_position=False)
    assert (len(joined.kept), len(joined.rejected)) == (30, 0)
    tools = open_tools(PictureRule())
    steps = []
    for frame in joined.kept[:6]:
        panorama = decode(stored_bytes(CUBES, frame, tools)).astype(int)
        assert panorama.shape == (327, 1680, 3)
        steps.append(np.abs(np.diff(panorama, axis=1)).mean(axis=(0, 2)))
    step = np.mean(steps, axis=0)
    # Faces meet at an eighth of the width and each quarter after it.
    seams = [1680 // 8 - 1 + k * 420 for k in range(4)]
    assert step[seams].max() <= 1.5 * np.median(step)
