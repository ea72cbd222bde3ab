"""Decoding: bounds, odd kinds, broken bytes."""

import struct
import zlib

import numpy as np
import pytest
from file_bytes import jpeg, picture, png, png_header, saved, webp
from PIL import Image

from dataset_tools.errors import UnreadableError
from dataset_tools.pictures import decode, encode_jpeg, encode_png
from dataset_tools.pictures.codec import MAX_BYTES, read_picture


def test_png_bytes_decode_to_the_same_pixels():
    np.testing.assert_array_equal(decode(encode_png(picture())), picture())


def test_jpeg_pixels_come_back_nearly():
    error = decode(encode_jpeg(picture())).astype(int) - picture()
    assert np.abs(error).mean() < 4


def test_the_same_pixels_give_the_same_bytes():
    assert encode_jpeg(picture()) == encode_jpeg(picture())


@pytest.mark.parametrize("data", [b"", b"no picture", b"\xff\xd8\xff\xe0\x00"])
def test_bytes_that_are_no_picture_are_one_clear_error(data):
    with pytest.raises(UnreadableError, match="no picture of a known kind"):
        decode(data)


def test_a_kind_that_would_start_another_program_is_not_opened():
    eps = saved(picture(), "EPS")
    assert Image.registered_extensions()[".eps"] == "EPS"
    with pytest.raises(UnreadableError, match="no picture of a known kind"):
        decode(eps)


def test_a_truncated_picture_is_refused():
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    with pytest.raises(UnreadableError, match="truncated"):
        decode(encode_jpeg(noise)[:2000])


def test_a_picture_beyond_the_limit_is_refused_by_its_header():
    with pytest.raises(UnreadableError, match="32 x 24 pixels"):
        decode(encode_png(picture()), max_pixels=100)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("size", [(10_001, 10_000), (60_000, 60_000), (2**31 - 1, 1)])
def test_a_header_that_declares_more_than_the_limit_costs_no_memory(size):
    with pytest.raises(UnreadableError, match="limit"):
        decode(png_header(*size))


def test_sixteen_bits_of_grey_are_refused_with_a_reason():
    with pytest.raises(UnreadableError, match="8 bits"):
        decode(saved(np.zeros((4, 4), np.uint16), "PNG"))


def test_sixteen_bits_of_colour_keep_their_upper_eight():
    # 2 x 1 pixels of 16 bits: filter byte, then 12 bytes.
    row = b"\0" + struct.pack(">6H", 0x1234, 0x5678, 0x9ABC, 0, 0xFFFF, 0x80FF)
    parts = png_header(2, 1, depth=16).split(b"IDAT")
    body = zlib.compress(row)
    chunk = b"IDAT" + body
    length, crc = struct.pack(">I", len(body)), struct.pack(">I", zlib.crc32(chunk))
    end = png_header(1, 1)[-12:]
    found = decode(parts[0][:-4] + length + chunk + crc + end)
    assert found.tolist() == [[[0x12, 0x56, 0x9A], [0, 0xFF, 0x80]]]


@pytest.mark.parametrize(
    ("mode", "levels"), [("CMYK", 40), ("L", 160), ("1", 255), ("YCbCr", 40)]
)
def test_other_modes_of_jpeg_and_png_come_back_as_rgb(mode, levels):
    image = Image.fromarray(picture()).convert(mode)
    found = decode(saved(image, "PNG" if mode == "1" else "JPEG", quality=95))
    assert found.shape == (24, 32, 3)
    assert np.abs(found.astype(int) - np.asarray(image.convert("RGB"))).max() <= levels


def test_a_palette_and_transparency_come_back_as_the_colours_they_stand_for():
    palette = Image.fromarray(picture()).quantize(16)
    assert np.array_equal(
        decode(saved(palette, "PNG")), np.asarray(palette.convert("RGB"))
    )
    clear = Image.fromarray(picture()).convert("RGBA")
    clear.putalpha(0)
    assert np.array_equal(decode(saved(clear, "PNG")), picture())


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_an_animation_is_refused_and_says_how_many_frames(kind):
    frames = [Image.fromarray(np.roll(picture(), i, axis=0)) for i in range(3)]
    data = saved(frames[0], kind, save_all=True, append_images=frames[1:])
    with pytest.raises(UnreadableError, match="3 frames"):
        decode(data)


def test_of_several_jpegs_in_one_file_the_first_is_the_picture():
    other = Image.fromarray(picture()[::-1].copy())
    data = saved(picture(), "MPO", save_all=True, append_images=[other])
    assert np.abs(decode(data).astype(int) - picture()).mean() < 6


def test_an_empty_and_a_monstrous_file_are_refused_unread(tmp_path):
    empty, huge = tmp_path / "a.jpg", tmp_path / "b.jpg"
    empty.touch()
    with huge.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(UnreadableError, match="empty"):
        read_picture(empty)
    with pytest.raises(UnreadableError, match="more than the limit"):
        read_picture(huge)


def broken(data, rng):
    """One of five kinds of damage."""
    data = bytearray(data)
    a, b = sorted(rng.integers(0, len(data), size=2).tolist())
    match rng.integers(5):
        case 0:
            del data[b:]
        case 1:
            del data[a:b]
        case 2:
            data[a:a] = rng.bytes(int(rng.integers(1, 40)))
        case 3:
            for place in rng.integers(0, min(80, len(data)), size=3):
                data[place] = rng.choice([0, 1, 127, 128, 255])
        case _:
            for place in rng.integers(0, len(data), size=8):
                data[place] = rng.integers(256)
    return bytes(data)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_five_hundred_broken_pictures_are_decoded_or_refused_and_nothing_else():
    rng = np.random.default_rng(7)
    sound = [
        *(jpeg(picture()), jpeg(picture(), orientation=6, progressive=True)),
        jpeg(Image.fromarray(picture()).convert("CMYK")),
        *(png(picture(), orientation=8), webp(picture())),
        saved(Image.fromarray(picture()).convert("P"), "PNG"),
        saved(picture(), "TIFF", compression="tiff_lzw"),
    ]
    refused = 0
    for i in range(500):
        try:
            found = decode(broken(sound[i % len(sound)], rng))
        except UnreadableError:
            refused += 1
        else:
            assert found.dtype == np.uint8
            assert found.ndim == 3
    assert 100 < refused < 500
