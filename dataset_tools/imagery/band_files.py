"""One picture whose bands lie in a file each, as many satellites deliver."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from affine import Affine
from rasterio.enums import ColorInterp, Interleaving
from rasterio.errors import RasterioError

from dataset_tools.errors import UnreadableError, UsageError
from dataset_tools.imagery.bands import read_bands
from dataset_tools.imagery.chunks import ChunkCache
from dataset_tools.imagery.gdal_files import Placed, open_placed, reading
from dataset_tools.imagery.geotiff import GeoRaster
from dataset_tools.imagery.sidecars import completed
from dataset_tools.imagery.source import About, Reading

APART_PX = 1e-3
"""Corners of bands of one picture may differ by this much, from rounding."""


def open_band_files(
    paths: tuple[Path, ...],
    about: About,
    told: Reading | None = None,
    *,
    cache: ChunkCache | None = None,
) -> GeoRaster:
    """Files of one band each as one raster: red, green, blue, in this order.

    Args:
        paths: three files; with more, `told.bands` says which are the colours.
        about: licence, attribution, date of capture and season.
        told: CRS, bands and scale that the files do not state.
        cache: where pixels are kept; its own where None.

    Raises:
        MissingDataError: if a file does not exist.
        UsageError: if they are not three and no bands are told.
        UnreadableError: if one is broken, has several bands, or lies elsewhere.
    """
    told = told or Reading()
    if len(paths) < 3 or (len(paths) > 3 and not told.bands):
        raise UsageError(
            f"{len(paths)} band files were given, {paths[0].name} the first; give "
            "three, for red, green and blue, or say with 'bands' which of them to take."
        )
    placed = [open_placed(path, crs=told.crs) for path in paths]
    stack = StackedBands([p.dataset for p in placed])
    try:
        for path, other in zip(paths, placed, strict=True):
            _check_same(placed[0], other, paths[0], path)
        with reading():
            bands = read_bands(
                stack, name=paths[0].name, wanted=told.bands, values=told.values
            )
    except (UnreadableError, UsageError, RasterioError):
        stack.close()
        raise
    return GeoRaster(
        replace(placed[0], dataset=stack, overview=_overviews(placed)),
        completed(about, paths[0], placed[0].dataset.tags()),
        bands=bands,
        name=paths[0].name,
        cache=cache or ChunkCache(),
    )


class StackedBands:
    """Datasets of one band each behind the face of one dataset of several."""

    driver = "stack"
    gcps: tuple[list[Any], None] = ([], None)
    interleaving = Interleaving.band

    def __init__(self, parts: list[Any]) -> None:
        """Take over open datasets of one size, the first band first."""
        self._parts = parts
        self.width, self.height = parts[0].width, parts[0].height
        self.count = len(parts)
        self.dtypes = [part.dtypes[0] for part in parts]
        self.nodatavals = [part.nodatavals[0] for part in parts]
        self.block_shapes = [part.block_shapes[0] for part in parts]
        self.mask_flag_enums = [part.mask_flag_enums[0] for part in parts]
        colours = [ColorInterp.red, ColorInterp.green, ColorInterp.blue]
        others = [ColorInterp.undefined] * len(parts)
        self.colorinterp = colours if len(parts) == 3 else others

    def read(self, bands: tuple[int, ...], **how: Any) -> npt.NDArray[Any]:
        """[n, h, w] of the wanted bands; keywords as rasterio's."""
        if "out_shape" in how:
            how["out_shape"] = how["out_shape"][1:]
        return np.stack([self._parts[band - 1].read(1, **how) for band in bands])

    def dataset_mask(self, **how: Any) -> npt.NDArray[np.uint8]:
        """[h, w] 255 where all files have data."""
        masks = [part.dataset_mask(**how) for part in self._parts]
        return np.asarray(np.minimum.reduce(masks), np.uint8)

    def overviews(self, band: int) -> list[int]:
        """Factors of the overviews that all files have."""
        del band
        every = [part.overviews(1) for part in self._parts]
        return list(every[0]) if all(one == every[0] for one in every) else []

    def tags(self, band: int = 0, ns: str | None = None) -> dict[str, str]:
        """Tags of a band's file, of the first one for 0."""
        if band == 0:
            return dict(self._parts[0].tags(ns=ns))
        return dict(self._parts[band - 1].tags(1, ns=ns))

    def close(self) -> None:
        """Close all files."""
        for part in self._parts:
            part.close()


def _overviews(placed: list[Placed]) -> Callable[[int], StackedBands]:
    return lambda number: StackedBands([p.overview(number) for p in placed])


def _check_same(first: Placed, other: Placed, one: Path, path: Path) -> None:
    """Refuse a file that is no band of the same picture.

    Raises:
        UnreadableError: if it has several bands, or another grid than the first.
    """
    if other.dataset.count != 1:
        raise UnreadableError(
            f"{path} has {other.dataset.count} bands; as one of several band files it "
            "must have one. Give it alone, with 'bands' if need be."
        )
    there = (first.dataset.width, first.dataset.height)
    here = (other.dataset.width, other.dataset.height)
    corners = np.array([[0.0, 0.0], here])
    moved = _applied(~first.transform, _applied(other.transform, corners))
    apart = np.abs(moved - corners).max()
    if here != there or apart > APART_PX or first.crs != other.crs:
        raise UnreadableError(
            f"{path} has another size, place or system than {one.name}, so they are no "
            "bands of one picture. Bring them onto one grid with gdalwarp."
        )


def _applied(transform: Affine, points: npt.NDArray[np.float64]) -> Any:
    """[N, 2] points moved by a transform."""
    t = transform
    return points @ np.array([[t.a, t.d], [t.b, t.e]]) + np.array([t.c, t.f])
