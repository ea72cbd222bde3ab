"""Nothing personal is left in a picture's bytes, and no pixel is lost with it."""

import io
import zlib

import numpy as np
import pytest
from file_bytes import SECRET, exif, jpeg, picture, png, saved, webp
from PIL import Image

from dataset_tools.errors import UnreadableError
from dataset_tools.pictures import decode, rewrite_reason, without_metadata


def told(data):
    """Everything that can be read out of a file: its bytes, and texts unpacked."""
    found = data
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        found += repr(image.info).encode() + repr(dict(image.getexif())).encode()
    return found


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_loses_its_metadata_and_no_pixel(progressive):
    data = jpeg(picture(), progressive=progressive)
    clean = without_metadata(data + b"trailer " + SECRET)
    assert data.count(SECRET) >= 4
    assert SECRET not in told(clean)
    np.testing.assert_array_equal(decode(clean), decode(data))


def test_taking_metadata_off_twice_changes_nothing_more():
    once = without_metadata(jpeg(picture()))
    assert without_metadata(once) == once


def test_a_thumbnail_in_the_jfif_header_goes_and_the_density_stays():
    data = jpeg(picture(), dpi=(72, 72))
    at = data.index(b"JFIF\x00") - 4
    thumbnail = b"\x01\x01" + b"abc"
    header = data[at + 4 : at + 16] + thumbnail
    segment = b"\xff\xe0" + (len(header) + 2).to_bytes(2, "big") + header
    clean = without_metadata(data[:at] + segment + data[at + 18 :])
    assert b"abc" not in clean
    assert Image.open(io.BytesIO(clean)).info["dpi"] == (72, 72)
    np.testing.assert_array_equal(decode(clean), decode(data))


@pytest.mark.parametrize("mode", ["CMYK", "L"])
def test_how_a_jpeg_stores_its_colours_stays_known(mode):
    data = jpeg(Image.fromarray(picture()).convert(mode))
    np.testing.assert_array_equal(decode(without_metadata(data)), decode(data))


def test_a_colour_profile_stays():
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    clean = without_metadata(jpeg(picture(), icc_profile=profile))
    assert Image.open(io.BytesIO(clean)).info["icc_profile"] == profile


def test_a_segment_that_nobody_knows_goes():
    data = jpeg(picture())
    odd = b"\xff\xe5" + (len(SECRET) + 2).to_bytes(2, "big") + SECRET
    reserved = b"\xff\xf0" + (len(SECRET) + 2).to_bytes(2, "big") + SECRET
    clean = without_metadata(data[:2] + odd + reserved + data[2:])
    assert SECRET not in clean


def test_a_png_loses_texts_exif_private_parts_and_what_lies_behind_it():
    data = png(picture())
    assert SECRET in told(data)
    clean = without_metadata(data + SECRET)
    assert SECRET not in told(clean)
    assert b"caBX" not in clean
    np.testing.assert_array_equal(decode(clean), decode(data))


def test_a_png_keeps_its_compressed_pixels_as_they_are():
    data = png(picture())
    at = data.index(b"IDAT") - 4
    end = at + 12 + int.from_bytes(data[at : at + 4], "big")
    assert data[at:end] in without_metadata(data)


@pytest.mark.parametrize("kind", ["WEBP", "TIFF"])
def test_other_kinds_become_a_png_of_the_same_pixels(kind):
    data = webp(picture()) if kind == "WEBP" else saved(picture(), kind, exif=exif())
    clean = without_metadata(data)
    assert SECRET in data
    assert SECRET not in told(clean)
    assert clean[1:4] == b"PNG"
    np.testing.assert_array_equal(decode(clean), picture())


def test_the_second_picture_of_an_mpo_goes():
    other = Image.fromarray(picture()[::-1].copy())
    data = saved(picture(), "MPO", save_all=True, append_images=[other], exif=exif())
    clean = without_metadata(data)
    assert getattr(Image.open(io.BytesIO(clean)), "n_frames", 1) == 1
    np.testing.assert_array_equal(decode(clean), decode(data))
    assert SECRET not in clean


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_png_that_its_exif_turns_is_stored_upright_without_loss(orientation):
    data = png(picture(), orientation=orientation)
    np.testing.assert_array_equal(decode(without_metadata(data)), decode(data))
    assert Image.open(io.BytesIO(without_metadata(data))).getexif() == {}


def test_a_jpeg_that_its_exif_turns_is_encoded_again_at_the_quality_asked_for():
    smooth = np.asarray(Image.fromarray(picture(4, 8)).resize((64, 32)))
    data = jpeg(smooth, orientation=6)
    upright = decode(data).astype(int)
    assert upright.shape == (64, 32, 3)
    clean = without_metadata(data)
    assert SECRET not in told(clean)
    assert np.abs(decode(clean) - upright).mean() < 2
    assert len(without_metadata(data, quality=20)) < len(clean)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (jpeg(picture()), None),
        (png(picture()), None),
        (jpeg(picture(), orientation=3), "turned"),
        (webp(picture()), "webp"),
        (png(picture())[:-12], "broken-parts"),
        # An end of image in front of it all: what follows must not be lost.
        (b"\xff\xd8\xff\xd9" + jpeg(picture())[2:], "broken-parts"),
    ],
)
def test_why_a_picture_is_encoded_again_is_told(data, reason):
    with Image.open(io.BytesIO(data)) as image:
        assert rewrite_reason(data, image) == reason


def test_a_png_whose_parts_are_out_of_joint_is_encoded_again():
    data = png(picture())[:-12]
    clean = without_metadata(data)
    np.testing.assert_array_equal(decode(clean), picture())
    assert SECRET not in told(clean)


def test_bytes_that_are_no_picture_are_refused():
    with pytest.raises(UnreadableError, match="no picture of a known kind"):
        without_metadata(b"no picture")


def test_every_kept_part_of_a_png_has_its_checksum():
    clean, place = without_metadata(png(picture())), 8
    while place < len(clean):
        size = int.from_bytes(clean[place : place + 4], "big")
        part = clean[place + 4 : place + 8 + size]
        stored = clean[place + 8 + size : place + 12 + size]
        assert zlib.crc32(part) == int.from_bytes(stored, "big")
        place += 12 + size
