"""What the bands of a raster mean: colour, validity, and a scale into 8 bits."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.windows import Window

from dataset_tools.errors import UnreadableError
from dataset_tools.imagery.sampling import Chunk, Mask, Pixels

SAMPLE_PX = 1024
"""Side of the thinned read that decides about alpha and about the stretch."""
STRETCH_PERCENT = (0.5, 99.5)
PARTLY_CLEAR = 0.2
"""A true alpha band is 0 or full nearly everywhere; near infrared tagged as alpha,
as some NAIP deliveries have it, lies in between."""


@dataclass(frozen=True, slots=True)
class Bands:
    """How to read [h, w, 3] uint8 and a mask from one open dataset."""

    colour: tuple[int, ...]
    """Band numbers from 1: red, green, blue, or one grey or palette band."""
    alpha: int | None
    nodata: float | None
    has_mask: bool
    """The file carries a mask of its own beside its bands."""
    palette: Pixels | None
    stretch: tuple[float, float] | None
    """Values that become 0 and 255, where the samples are not 8 bits."""

    def read(self, dataset: Any, window: Window) -> Chunk:
        """One window as a chunk; the whole raster has the same scale."""
        raw = dataset.read(self.colour, window=window)
        valid = self._valid(dataset, window, raw)
        if valid is not None and valid.all():
            valid = None
        if self.palette is not None:
            return Chunk(self.palette[raw[0]], valid)
        pixels = raw if self.stretch is None else _scale(raw, self.stretch)
        if len(self.colour) == 1:
            pixels = np.repeat(pixels, 3, axis=0)
        return Chunk(np.ascontiguousarray(np.moveaxis(pixels, 0, 2)), valid)

    def _valid(
        self, dataset: Any, window: Window, raw: npt.NDArray[Any]
    ) -> Mask | None:
        valid: Mask | None = None
        if self.alpha is not None:
            valid = dataset.read(self.alpha, window=window) > 0
        elif self.nodata is not None and not np.isnan(self.nodata):
            valid = (raw != self.nodata).any(axis=0)
        elif self.has_mask:
            valid = dataset.dataset_mask(window=window) > 0
        if raw.dtype.kind == "f":
            finite = np.isfinite(raw).all(axis=0)
            valid = finite if valid is None else valid & finite
        return valid


def read_bands(dataset: Any, *, name: str) -> Bands:
    """Decide from tags and a thinned read what the bands of a dataset are.

    Raises:
        UnreadableError: if the samples are complex numbers.
    """
    if any("complex" in kind for kind in dataset.dtypes):
        raise UnreadableError(
            f"{name} has samples of kind {', '.join(dataset.dtypes)}; a picture with "
            "real numbers is expected. Export the orthophoto itself."
        )
    tags = list(dataset.colorinterp)
    alpha = tags.index(ColorInterp.alpha) + 1 if ColorInterp.alpha in tags else None
    has_mask = alpha is None and MaskFlags.per_dataset in dataset.mask_flag_enums[0]
    colour = _colour(tags, [b for b in dataset.indexes if b != alpha])
    if alpha is not None and not _is_alpha(dataset, alpha):
        alpha = None
    palette = _palette(dataset, tags, colour)
    stretch = None
    if palette is None and dataset.dtypes[colour[0] - 1] != "uint8":
        stretch = _measure(dataset, colour)
    return Bands(colour, alpha, dataset.nodata, has_mask, palette, stretch)


def _colour(tags: list[ColorInterp], rest: list[int]) -> tuple[int, ...]:
    wanted = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)
    if all(w in tags for w in wanted):
        return tuple(tags.index(w) + 1 for w in wanted)
    return tuple(rest[:3]) if len(rest) >= 3 else tuple(rest[:1]) or (1,)


def _palette(
    dataset: Any, tags: list[ColorInterp], colour: tuple[int, ...]
) -> Pixels | None:
    if len(colour) != 1 or tags[colour[0] - 1] != ColorInterp.palette:
        return None
    table = np.zeros((65536, 3), np.uint8)
    for index, rgba in dataset.colormap(colour[0]).items():
        table[index] = rgba[:3]
    return table


def _thinned(dataset: Any, bands: tuple[int, ...]) -> npt.NDArray[Any]:
    """[n, h, w] of the whole raster, at most SAMPLE_PX a side, nearest pixels."""
    shape = (min(dataset.height, SAMPLE_PX), min(dataset.width, SAMPLE_PX))
    sample: npt.NDArray[Any] = dataset.read(bands, out_shape=(len(bands), *shape))
    return sample


def _is_alpha(dataset: Any, alpha: int) -> bool:
    sample = _thinned(dataset, (alpha,))
    full = sample.max(initial=0)
    return bool(np.mean((sample > 0) & (sample < full)) <= PARTLY_CLEAR)


def _measure(dataset: Any, colour: tuple[int, ...]) -> tuple[float, float]:
    """Values at the stretch's percentiles over all colour bands together."""
    sample = _thinned(dataset, colour).astype(np.float64)
    good = np.isfinite(sample)
    if dataset.nodata is not None:
        good &= sample != dataset.nodata
    if not good.any():
        return 0.0, 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        low, high = np.percentile(sample[good], STRETCH_PERCENT)
    return float(low), float(high if high > low else low + 1.0)


def _scale(raw: npt.NDArray[Any], stretch: tuple[float, float]) -> Pixels:
    low, high = stretch
    share = (np.nan_to_num(raw.astype(np.float32)) - low) / (high - low)
    scaled: Pixels = (np.clip(share, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)
    return scaled
