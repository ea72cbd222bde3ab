"""Decoding and resizing, whole and from the size that is enough; crops and cubes."""

import io

import numpy as np
import pytest
from PIL import Image

from dataset_tools.pictures import decode
from dataset_tools.pictures.cube import FACES, panorama_of
from dataset_tools.pictures.resampling import SAMPLES
from dataset_tools.pictures.sphere import View, crop
from dataset_tools.records import Extent

SIZE = (256, 512)


@pytest.fixture(scope="module")
def panorama():
    """A panorama [1440, 2880, 3] with detail of a degree, and its JPEG."""
    noise = np.random.default_rng(0).integers(0, 256, (180, 360, 3)).astype(np.uint8)
    image = Image.fromarray(noise).resize((2880, 1440), Image.Resampling.BICUBIC)
    target = io.BytesIO()
    image.save(target, "JPEG", quality=92)
    return np.asarray(image), target.getvalue()


def resized(pixels):
    image = Image.fromarray(pixels)
    return np.asarray(image.resize(SIZE[::-1], Image.Resampling.BILINEAR))


def whole(data):
    return resized(decode(data))


def enough(data):
    least = SIZE[0] * SAMPLES, SIZE[1] * SAMPLES
    return resized(decode(data, at_least=least))


def by_opencv(data):
    import cv2

    cv2.setNumThreads(1)
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    return cv2.resize(pixels, SIZE[::-1], interpolation=cv2.INTER_AREA)


@pytest.mark.parametrize(
    ("way", "mean_off"), [(whole, 0.0), (enough, 1.5), (by_opencv, 6.0)]
)
def test_decoding_and_resizing(benchmark, panorama, way, mean_off):
    found = benchmark.pedantic(way, (panorama[1],), rounds=15, warmup_rounds=2)
    off = np.abs(found.astype(int) - whole(panorama[1]))
    benchmark.extra_info["levels off, mean and most"] = (off.mean(), int(off.max()))
    assert off.mean() <= mean_off


def test_a_crop_of_a_panorama(benchmark, panorama):
    view = View(hfov_deg=90.0, width_px=320, height_px=240)
    benchmark.pedantic(
        crop, (panorama[0], view), {"extent": Extent()}, rounds=15, warmup_rounds=2
    )


def test_a_panorama_of_a_cube(benchmark):
    noise = np.random.default_rng(0).integers(0, 256, (6, 512, 512, 3), np.uint8)
    faces = dict(zip(FACES, noise, strict=True))
    benchmark.pedantic(panorama_of, (faces, (1024, 2048)), rounds=5, warmup_rounds=1)
