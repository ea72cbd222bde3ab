"""Picture bytes: bounds, broken input, and nothing personal left in them."""

import io

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from dataset_tools.errors import UnreadableError
from dataset_tools.pictures import decode, encode_jpeg, encode_png, without_metadata

SECRET = b"Jane Owner 12345"


def picture(height=24, width=32):
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 7, y * 9, x + y], axis=-1).astype(np.uint8)


def jpeg(array, *, orientation=None, **options):
    exif = Image.Exif()
    exif[0x013B] = SECRET.decode()
    if orientation:
        exif[0x0112] = orientation
    target = io.BytesIO()
    Image.fromarray(array).save(
        target, "JPEG", exif=exif, comment=SECRET, quality=95, **options
    )
    return target.getvalue()


def test_png_bytes_decode_to_the_same_pixels():
    np.testing.assert_array_equal(decode(encode_png(picture())), picture())


def test_jpeg_pixels_come_back_nearly():
    error = decode(encode_jpeg(picture())).astype(int) - picture()
    assert np.abs(error).mean() < 4


def test_the_same_pixels_give_the_same_bytes():
    assert encode_jpeg(picture()) == encode_jpeg(picture())


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_loses_its_metadata_and_no_pixel(progressive):
    data = jpeg(picture(), progressive=progressive)
    clean = without_metadata(data + b"trailer " + SECRET)
    assert SECRET in data
    assert SECRET not in clean
    np.testing.assert_array_equal(decode(clean), decode(data))


def test_taking_metadata_off_twice_changes_nothing_more():
    once = without_metadata(jpeg(picture()))
    assert without_metadata(once) == once


def test_a_picture_that_only_its_metadata_turns_stays_upright():
    data = jpeg(picture(height=16, width=32), orientation=6)
    assert decode(data).shape == (32, 16, 3)
    clean = without_metadata(data)
    assert decode(clean).shape == (32, 16, 3)
    assert SECRET not in clean


def test_a_png_loses_its_texts():
    info, target = PngInfo(), io.BytesIO()
    info.add_text("Author", SECRET.decode())
    Image.fromarray(picture()).save(target, "PNG", pnginfo=info)
    clean = without_metadata(target.getvalue())
    assert SECRET not in clean
    np.testing.assert_array_equal(decode(clean), picture())


def test_another_kind_becomes_a_png():
    target = io.BytesIO()
    Image.fromarray(picture()).save(target, "TIFF")
    assert without_metadata(target.getvalue())[1:4] == b"PNG"


@pytest.mark.parametrize("data", [b"", b"no picture", b"\xff\xd8\xff\xe0\x00"])
def test_bytes_that_are_no_picture_are_one_clear_error(data):
    with pytest.raises(UnreadableError, match="no picture of a known kind"):
        decode(data)
    with pytest.raises(UnreadableError):
        without_metadata(data)


def test_a_truncated_picture_is_refused():
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    with pytest.raises(UnreadableError, match="truncated"):
        decode(encode_jpeg(noise)[:2000])


def test_a_picture_beyond_the_limit_is_refused_by_its_header():
    with pytest.raises(UnreadableError, match="32 x 24 pixels"):
        decode(encode_png(picture()), max_pixels=100)


def test_sixteen_bits_are_refused_with_a_reason():
    target = io.BytesIO()
    Image.fromarray(np.zeros((4, 4), np.uint16)).save(target, "PNG")
    with pytest.raises(UnreadableError, match="8 bits"):
        decode(target.getvalue())
