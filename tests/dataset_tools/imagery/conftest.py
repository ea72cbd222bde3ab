from dataclasses import fields

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from dataset_tools.geodesy import transformer
from dataset_tools.imagery import About, Reading, open_imagery

READING = {f.name for f in fields(Reading)}


@pytest.fixture
def ramp():
    """[H, W, 3] whose red grows with the column and green with the row."""
    pixels = np.zeros((300, 400, 3), np.uint8)
    pixels[..., 0] = (np.arange(400) // 2)[None, :]
    pixels[..., 1] = (np.arange(300) // 2)[:, None]
    pixels[..., 2] = 77
    return pixels


@pytest.fixture
def write_raster(tmp_path):
    """Write [H, W, C] as a GeoTIFF; keywords go to rasterio."""

    def write(pixels, *, name="ortho.tif", crs="EPSG:32618", res=0.5, **profile):
        path = tmp_path / name
        profile.setdefault("transform", from_origin(690_000.0, 4_930_000.0, res, res))
        profile.setdefault("driver", "GTiff")
        tags = profile.pop("tags", {})
        height, width, count = pixels.shape
        with rasterio.open(
            path,
            "w",
            width=width,
            height=height,
            count=count,
            dtype=pixels.dtype,
            crs=crs,
            **profile,
        ) as dataset:
            dataset.write(np.moveaxis(pixels, 2, 0))
            dataset.update_tags(**tags)
        return path

    return write


@pytest.fixture
def opened():
    """Open imagery with a licence, closed after the test."""
    readers = []

    def go(path, **keywords):
        told = {n: keywords.pop(n) for n in READING & set(keywords)}
        about = About(**({"licence": "CC0-1.0"} | keywords))
        readers.append(open_imagery(path, about, Reading(**told)))
        return readers[-1]

    yield go
    for reader in readers:
        reader.close()


@pytest.fixture
def place():
    """(lat, lon) of a point in a system, EPSG:32618 by default."""

    def go(x, y, crs="EPSG:32618"):
        lon, lat = transformer(crs, "EPSG:4326").transform(x, y)
        return float(lat), float(lon)

    return go
