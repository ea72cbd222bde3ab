"""What XMP says of a panorama."""

import pytest
from file_bytes import picture, saved

from dataset_tools.pictures.gpano import extent_of, gpano_of, heading_of, is_panorama
from dataset_tools.records import Extent
from dataset_tools.tracks.exif import read_pictures


def packet(**values):
    named = " ".join(f'GPano:{name}="{value}"' for name, value in values.items())
    return f"<x:xmpmeta><rdf:Description {named}/></x:xmpmeta>".encode()


def gpano(**values):
    return gpano_of({"xmp": packet(**values)})


STRIP = {
    "ProjectionType": "equirectangular",
    "FullPanoWidthPixels": 4000,
    "FullPanoHeightPixels": 2000,
    "CroppedAreaImageWidthPixels": 1000,
    "CroppedAreaImageHeightPixels": 500,
    "CroppedAreaLeftPixels": 2000,
    "CroppedAreaTopPixels": 250,
    "PoseHeadingDegrees": 10.0,
}


def test_a_part_of_a_panorama_covers_what_its_numbers_say():
    extent = extent_of(gpano(**STRIP), (1000, 500))
    assert extent == Extent(width_deg=90.0, top_deg=67.5, bottom_deg=22.5)


def test_a_part_that_was_resized_covers_the_same():
    assert extent_of(gpano(**STRIP), (100, 50)) == extent_of(gpano(**STRIP), (9, 9))


def test_the_middle_of_a_part_looks_aside_of_the_whole():
    # Columns 2000 to 3000 of 4000: their middle lies 45 degrees right of the middle.
    assert heading_of(gpano(**STRIP)) == 55.0


def test_without_numbers_a_panorama_is_as_high_as_its_pixels_are_square():
    known = gpano(ProjectionType="equirectangular")
    assert is_panorama(known)
    assert extent_of(known, (400, 200)) == Extent()
    assert extent_of(known, (400, 100)) == Extent(top_deg=45.0, bottom_deg=-45.0)
    assert extent_of(known, (100, 400)) == Extent()


@pytest.mark.parametrize(
    "change",
    [
        {"FullPanoHeightPixels": 0},
        {"FullPanoHeightPixels": "NaN"},
        {"CroppedAreaImageHeightPixels": 3000},
        {"CroppedAreaTopPixels": -5},
        {"CroppedAreaTopPixels": 1900},
        {"FullPanoHeightPixels": "1e999"},
        {"CroppedAreaTopPixels": "&xxe;"},
    ],
)
def test_numbers_that_make_no_sense_are_not_used(change):
    extent = extent_of(gpano(**(STRIP | change)), (1000, 500))
    assert extent == Extent(width_deg=90.0, top_deg=22.5, bottom_deg=-22.5)


def test_a_picture_without_gpano_is_no_panorama():
    assert not is_panorama(gpano_of({}))
    assert not is_panorama(gpano(ProjectionType="cylindrical"))


def test_a_frame_knows_what_its_picture_covers(tmp_path):
    (tmp_path / "a.jpg").write_bytes(saved(picture(), "JPEG", xmp=packet(**STRIP)))
    (tmp_path / "b.jpg").write_bytes(saved(picture(), "JPEG"))
    strip, flat = read_pictures(tmp_path, need_position=False).kept
    assert strip.extent == Extent(width_deg=90.0, top_deg=67.5, bottom_deg=22.5)
    assert (strip.projection, strip.hfov_deg) == ("equirectangular", 90.0)
    assert strip.heading_deg == 55.0
    assert (flat.projection, flat.extent) == ("perspective", None)
