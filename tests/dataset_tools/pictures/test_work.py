"""The bytes that a pack stores of a frame's picture."""

import numpy as np
import pytest
from file_bytes import SECRET, jpeg, picture, png, saved, webp
from made_scene import faces, panorama, seen, stored

from dataset_tools.pictures import decode
from dataset_tools.pictures.sphere import View
from dataset_tools.pictures.view import PictureRule, decide_views
from dataset_tools.pictures.work import (
    described,
    open_tools,
    picture_doubts,
    stored_bytes,
    stored_size,
)
from dataset_tools.records import Extent, Frame

CAMERA = View(hfov_deg=90.0, width_px=64, height_px=48, yaw_deg=30.0)


@pytest.fixture
def drive(tmp_path):
    """A panorama as PNG, a flat JPEG and a cube."""
    drive = tmp_path / "drive"
    drive.mkdir()
    (drive / "pano.png").write_bytes(png(stored(panorama(128, 256))))
    (drive / "flat.jpg").write_bytes(jpeg(picture()))
    for name, face in faces(64).items():
        (drive / f"cube_{name}.png").write_bytes(png(face))
    return drive


def frame(source="pano.png", **changes):
    size = {"pano.png": (256, 128), "flat.jpg": (32, 24)}.get(source, (256, 128))
    values = {
        "frame_id": source.split(".")[0],
        "session_id": "s",
        "order": 0,
        "lat": 44.5,
        "lon": -72.6,
        "heading_deg": 0.0,
        "source": source,
        "size_px": size,
        "extent": None if source == "flat.jpg" else Extent(),
    }
    return Frame(**(values | changes))


def made(drive, one, **rule):
    """What is stored of a frame whose view the rule decided."""
    tools = open_tools(PictureRule(**rule))
    (one,) = decide_views([one], tools.rule, mask=tools.mask).kept
    return stored_bytes(drive, one, tools), one


def test_a_picture_that_nothing_is_asked_of_keeps_its_bytes(drive):
    data, _ = made(drive, frame("flat.jpg"))
    source = (drive / "flat.jpg").read_bytes()
    assert SECRET not in data
    assert data[data.index(b"\xff\xda") :] == source[source.index(b"\xff\xda") :]


def test_a_crop_shows_what_lies_in_its_heading(drive):
    data, one = made(drive, frame(heading_deg=100.0), crop=CAMERA)
    assert one.heading_deg == 130.0
    found = decode(data)
    assert found.shape == (48, 64, 3)
    assert np.abs(found - seen(CAMERA)).max() <= 3.0


def test_crops_at_a_bearing_agree_whatever_the_heading_of_their_panoramas(drive):
    data, one = made(drive, frame(heading_deg=50.0), crop=CAMERA, crop_bearing_deg=80.0)
    assert (one.heading_deg, one.yaw_deg) == (80.0, 30.0)
    assert np.abs(decode(data) - seen(CAMERA)).max() <= 3.0


def test_a_panorama_turned_north_is_rolled_and_no_pixel_changes(drive):
    data, _ = made(drive, frame(heading_deg=90.0), north_up=True)
    # What looked west, a quarter to the left of the middle, looks north.
    rolled = np.roll(stored(panorama(128, 256)), 64, axis=1)
    assert np.array_equal(decode(data), rolled)


def test_a_panorama_that_looks_north_already_keeps_its_bytes(drive):
    before = (drive / "pano.png").read_bytes()
    at = before.index(b"IDAT")
    data, _ = made(drive, frame(heading_deg=0.0), north_up=True)
    assert before[at : at + 200] in data


def test_a_cube_is_put_together_and_a_crop_cut_from_it(drive):
    names = [f"cube_{name}.png" for name in faces(64)]
    one = frame(names[0], faces=tuple(names))
    data, _ = made(drive, one)
    assert np.abs(decode(data) - panorama(128, 256)).max() <= 2.0
    data, _ = made(drive, one, crop=CAMERA)
    assert np.abs(decode(data) - seen(CAMERA)).max() <= 4.0


def test_a_mask_hides_the_bonnet_in_the_picture_and_in_crops_of_it(drive, tmp_path):
    drawn = np.zeros((128, 256), np.uint8)
    drawn[:, 120:136] = 255
    (tmp_path / "m.png").write_bytes(saved(drawn, "PNG"))
    mask = tmp_path / "m.png"
    found = decode(made(drive, frame(), mask=mask, mask_bottom_px=10, grey=9)[0])
    assert (found[-10:] == 9).all()
    assert (found[:, 120:136] == 9).all()
    assert np.array_equal(found[:118, :120], stored(panorama(128, 256))[:118, :120])
    ahead = View(hfov_deg=40.0, width_px=64, height_px=48)
    cut = decode(made(drive, frame(), mask=mask, grey=9, crop=ahead)[0])
    assert (cut[:, 25:39] == 9).all()
    assert not (cut[:, :8] == 9).any()


def test_only_pictures_with_boxes_are_encoded_again(drive, tmp_path):
    boxes = tmp_path / "boxes.csv"
    boxes.write_text("picture,x0,y0,x1,y1\npano.png,10,10,50,40\n")
    rule = {"blur_boxes": boxes, "blur_kind": "fill"}
    found = decode(made(drive, frame(), **rule)[0])
    assert (found[10:40, 10:50] == 128).all()
    assert np.array_equal(found[40:], stored(panorama(128, 256))[40:])
    flat = made(drive, frame("flat.jpg"), **rule)[0]
    assert flat == made(drive, frame("flat.jpg"))[0]


def test_boxes_of_a_face_are_blurred_before_the_panorama_is_made(drive, tmp_path):
    boxes = tmp_path / "boxes.csv"
    boxes.write_text("picture,x0,y0,x1,y1\ncube_right.png,0,0,64,64\n")
    names = [f"cube_{name}.png" for name in faces(64)]
    one = frame(names[0], faces=tuple(names))
    found = decode(made(drive, one, blur_boxes=boxes, blur_kind="fill", grey=3)[0])
    assert (found[50:78, 164:220] == 3).all()
    assert not (found[50:78, :150] == 3).all(axis=2).any()


def test_a_plug_in_sees_every_picture_before_it_is_cut(drive, monkeypatch):
    sizes = []

    def find(pixels):
        sizes.append(pixels.shape)
        return [[0, 0, 256, 128]]

    monkeypatch.setattr(
        "dataset_tools.pictures.work.load_finder", lambda name: {"all": find}[name]
    )
    found = decode(made(drive, frame(), blur="all", blur_kind="fill", crop=CAMERA)[0])
    assert sizes == [(128, 256, 3)]
    assert (found == 128).all()


def test_a_wide_picture_is_shrunk_and_a_small_one_keeps_its_bytes(drive):
    data, one = made(drive, frame(), width_px=100)
    assert decode(data).shape == (50, 100, 3)
    assert stored_size(one, PictureRule(width_px=100)) == (100, 50)
    assert made(drive, frame("flat.jpg"), width_px=100) == made(
        drive, frame("flat.jpg")
    )


@pytest.mark.parametrize(
    ("source", "start"), [("big.jpg", b"\xff\xd8"), ("big.png", b"\x89P")]
)
def test_a_large_jpeg_is_decoded_small_and_shows_the_same(drive, source, start):
    scene = stored(panorama(1024, 2048))
    kind = "JPEG" if source.endswith("jpg") else "PNG"
    (drive / source).write_bytes(
        saved(scene, kind, quality=95) if kind == "JPEG" else saved(scene, kind)
    )
    one = frame(source, size_px=(2048, 1024), extent=Extent())
    data, _ = made(drive, one, crop=CAMERA)
    assert data.startswith(start)
    assert np.abs(decode(data) - seen(CAMERA)).mean() <= 1.2


def test_what_was_done_is_described_without_folders(drive, tmp_path):
    boxes = tmp_path / "boxes.csv"
    boxes.write_text("picture,x0,y0,x1,y1\npano.png,10,10,50,40\n")
    (tmp_path / "m.png").write_bytes(saved(np.eye(24, 32, dtype=np.uint8) * 255, "PNG"))
    frames = [frame(), frame("flat.jpg"), frame("flat.jpg", rewrite="turned")]
    told = described(frames, open_tools(PictureRule(blur_boxes=boxes)))
    assert told["stored"] == {"changed": 1, "own-bytes": 1, "turned": 1}
    assert told["blur_boxes"]["file"] == "boxes.csv"
    assert told["blur_boxes"]["boxes"] == 1
    assert len(told["blur_boxes"]["sha256"]) == 64
    told = described(frames, open_tools(PictureRule(mask=tmp_path / "m.png")))
    assert told["stored"] == {"changed": 3}
    assert told["mask"]["file"] == "m.png"
    assert str(tmp_path) not in repr(told)


def test_differing_sizes_and_second_encodings_are_warned_about():
    frames = [
        *(frame(), frame("flat.jpg"), frame("flat.jpg", rewrite="turned")),
        frame("flat.jpg", rewrite="webp"),
    ]
    sizes, again = picture_doubts(frames, PictureRule())
    assert sizes == "Pictures of 2 sizes are stored: 32 x 24 px (3), 256 x 128 px (1)."
    assert "2 of 4 pictures are encoded again" in again
    assert again.endswith("turned 1, webp 1.")
    assert list(picture_doubts(frames[:2], PictureRule(width_px=32))) != []
    assert list(picture_doubts(frames[:1], PictureRule())) == []


def test_a_webp_becomes_a_png_whatever_is_done_to_it(drive):
    (drive / "a.webp").write_bytes(webp(picture()))
    one = frame("a.webp", size_px=(32, 24), extent=None, rewrite="webp")
    assert np.array_equal(decode(made(drive, one)[0]), picture())
    data, _ = made(drive, one, mask_bottom_px=3)
    assert np.array_equal(decode(data)[:-3], picture()[:-3])
    assert data.startswith(b"\x89PNG")
