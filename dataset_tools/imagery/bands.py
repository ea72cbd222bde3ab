"""What the bands of a raster mean: colour, validity, and a scale into 8 bits."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.windows import Window

from dataset_tools.errors import UnreadableError, UsageError
from dataset_tools.imagery.chunks import Chunk, Mask, Pixels

SAMPLE_PX = 1024
"""Side of the thinned read that decides about alpha and about the stretch."""
PIECES, PIECE_PX = 8, 64
"""Without overviews 8 x 8 pieces of 64 pixels are read instead of the whole."""
STRETCH_PERCENT = (0.5, 99.5)
PARTLY_CLEAR = 0.2
"""A true alpha band is 0 or full nearly everywhere; near infrared tagged as alpha,
as some NAIP deliveries have it, lies in between."""
RGB = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)
INK = (ColorInterp.cyan, ColorInterp.magenta, ColorInterp.yellow, ColorInterp.black)

Numbers = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Bands:
    """How to read [h, w, 3] uint8 and a mask from one open dataset."""

    colour: tuple[int, ...]
    """Band numbers from 1: red, green, blue, or one grey or palette band."""
    alpha: int | None
    nodata: tuple[float | None, ...]
    """The value of each colour band that means nothing was seen."""
    has_mask: bool
    """The file carries a mask of its own beside its bands."""
    palette: Pixels | None
    clear: npt.NDArray[np.bool_] | None
    """Which entries of the palette are transparent."""
    stretch: tuple[float, float] | None
    """Values that become 0 and 255, where the samples are not 8 bits."""
    note: str = ""
    """What was decided against the file's tags."""

    @property
    def is_solid(self) -> bool:
        """Whether every pixel is valid, whatever its value."""
        return self.alpha is None and not self.has_mask and not self._can_miss

    @property
    def _can_miss(self) -> bool:
        some = any(value is not None for value in self.nodata)
        return some or self.clear is not None

    def read(self, dataset: Any, window: Window) -> Chunk:
        """One window as a chunk; the whole raster has the same scale."""
        wanted = self.colour if self.alpha is None else (*self.colour, self.alpha)
        bands = dataset.read(wanted, window=window)
        raw = bands[: len(self.colour)]
        valid = self._valid(dataset, window, bands)
        if valid is not None and valid.all():
            valid = None
        if self.palette is not None:
            return Chunk(self.palette[raw[0]], valid)
        planes = raw if self.stretch is None else _scale(raw, self.stretch)
        pixels = np.empty((*raw.shape[1:], 3), np.uint8)
        for i in range(3):  # a plane at a time is three times as fast as moveaxis
            pixels[..., i] = planes[min(i, len(planes) - 1)]
        return Chunk(pixels, valid)

    def _valid(self, dataset: Any, window: Window, bands: Numbers) -> Mask | None:
        valid: npt.NDArray[Any] | None = None
        raw = bands[: len(self.colour)]
        if self.alpha is not None:
            valid = bands[-1] > 0
        elif any(value is not None for value in self.nodata):
            # A pixel is missing where it is missing in every colour.
            pairs = zip(raw, self.nodata, strict=True)
            seen = [
                b != v if v is not None else np.full(b.shape, True) for b, v in pairs
            ]
            valid = np.logical_or.reduce(seen)
        elif self.has_mask:
            valid = dataset.dataset_mask(window=window) > 0
        if self.clear is not None:
            shown: Mask = ~self.clear[raw[0]]
            valid = shown if valid is None else valid & shown
        if raw.dtype.kind == "f":
            finite: Mask = np.all(np.isfinite(raw), axis=0)
            return finite if valid is None else valid & finite
        return valid


def read_bands(
    dataset: Any,
    *,
    name: str,
    wanted: tuple[int, ...] = (),
    values: tuple[float, float] | None = None,
    measure: bool = True,
) -> Bands:
    """Decide from tags and a thinned read what the bands of a dataset are.

    Args:
        dataset: an open raster.
        name: what messages call it.
        wanted: numbers of the bands to take as red, green and blue, or one as grey;
            the tags decide where it is empty.
        values: values as stored that become 0 and 255; measured where samples are not
            8 bits and None is given.
        measure: whether to measure them, or leave that to the caller.

    Raises:
        UnreadableError: if the samples are complex numbers or inks.
        UsageError: if a wanted band is not there.
    """
    if any("complex" in kind for kind in dataset.dtypes):
        raise UnreadableError(
            f"{name} has samples of kind {', '.join(dataset.dtypes)}; a picture with "
            "real numbers is expected. Export the orthophoto itself."
        )
    tags = list(dataset.colorinterp)
    if not wanted and sum(ink in tags for ink in INK) >= 3:
        raise UnreadableError(
            f"{name} has inks (CMYK) instead of red, green and blue. Convert it, or "
            "say with --imagery-band which bands to take as colours."
        )
    alpha = tags.index(ColorInterp.alpha) + 1 if ColorInterp.alpha in tags else None
    colour = _wanted(dataset, wanted, name) or _colour(tags, alpha)
    note = ""
    if alpha is not None and (alpha in colour or not _is_alpha(dataset, alpha)):
        alpha, note = None, f"band {alpha} is tagged alpha and used as none"
    has_mask = alpha is None and MaskFlags.per_dataset in dataset.mask_flag_enums[0]
    palette, clear = _palette(dataset, tags, colour)
    stretch = None if palette is not None else values or _full_range(dataset, colour)
    bands = Bands(
        colour=colour,
        alpha=alpha,
        nodata=_nodata(dataset, colour),
        # A file with alpha has this flag too; NIR tagged so must hide nothing.
        has_mask=has_mask and ColorInterp.alpha not in tags,
        palette=palette,
        clear=clear,
        stretch=stretch,
        note=note,
    )
    if measure and needs_scale(dataset, bands):
        return scaled(bands, scale_of([sample_values(dataset, bands)]))
    return bands


def needs_scale(dataset: Any, bands: Bands) -> bool:
    """Whether samples have another range than 0 to 255 and no scale is known yet."""
    if bands.palette is not None or bands.stretch is not None:
        return False
    return any(dataset.dtypes[band - 1] != "uint8" for band in bands.colour)


def sample_values(dataset: Any, bands: Bands) -> Numbers:
    """[n] finite values with data from all over a raster, its colours together."""
    parts = []
    for piece in _pieces(dataset, bands.colour):
        values = piece.astype(np.float64)
        good = np.isfinite(values)
        for i, nodata in enumerate(bands.nodata):
            if nodata is not None:
                good[i] &= values[i] != nodata
        parts.append(values[good])
    return np.concatenate(parts)


def scale_of(samples: list[Numbers]) -> tuple[float, float]:
    """The values at the stretch's percentiles over all samples together."""
    values = np.concatenate(samples)
    if not values.size:
        return 0.0, 1.0
    low, high = np.percentile(values, STRETCH_PERCENT)
    return float(low), float(high if high > low else low + 1.0)


def scaled(bands: Bands, stretch: tuple[float, float]) -> Bands:
    """The same bands with a scale into 8 bits."""
    names = (n for n in Bands.__dataclass_fields__ if n != "stretch")
    return Bands(stretch=stretch, **{name: getattr(bands, name) for name in names})


def _wanted(dataset: Any, wanted: tuple[int, ...], name: str) -> tuple[int, ...]:
    if not wanted:
        return ()
    there = all(1 <= band <= dataset.count for band in wanted)
    if len(wanted) not in (1, 3) or not there:
        raise UsageError(
            f"Bands {', '.join(map(str, wanted))} were asked for and {name} has "
            f"{dataset.count}. Give three numbers for red, green and blue, or one for "
            "grey, counted from 1."
        )
    return wanted


def _colour(tags: list[ColorInterp], alpha: int | None) -> tuple[int, ...]:
    if all(w in tags for w in RGB):
        return tuple(tags.index(w) + 1 for w in RGB)
    rest = [b for b in range(1, len(tags) + 1) if b != alpha]
    return tuple(rest[:3]) if len(rest) >= 3 else tuple(rest[:1]) or (1,)


def _nodata(dataset: Any, colour: tuple[int, ...]) -> tuple[float | None, ...]:
    """The nodata value of each colour band; whole numbers compare without a copy."""
    found: list[float | None] = []
    for band in colour:
        value = dataset.nodatavals[band - 1]
        if value is None or np.isnan(value):
            found.append(None)  # NaN samples are never valid anyway
        else:
            found.append(int(value) if float(value).is_integer() else value)
    return tuple(found)


def _palette(
    dataset: Any, tags: list[ColorInterp], colour: tuple[int, ...]
) -> tuple[Pixels | None, npt.NDArray[np.bool_] | None]:
    if len(colour) != 1 or tags[colour[0] - 1] != ColorInterp.palette:
        return None, None
    table, clear = np.zeros((65536, 3), np.uint8), np.zeros(65536, np.bool_)
    for index, rgba in dataset.colormap(colour[0]).items():
        table[index], clear[index] = rgba[:3], rgba[3] == 0
    return table, clear if clear.any() else None


def _full_range(dataset: Any, colour: tuple[int, ...]) -> tuple[float, float] | None:
    """0 to the largest number of 1 to 7 bits, where a file says it has so few."""
    bits = dataset.tags(colour[0], ns="IMAGE_STRUCTURE").get("NBITS", "")
    if dataset.dtypes[colour[0] - 1] == "uint8" and bits.isdigit() and int(bits) < 8:
        return 0.0, float(2 ** int(bits) - 1)
    return None


def _pieces(dataset: Any, bands: tuple[int, ...]) -> Iterator[Numbers]:
    """[n, h, w] parts from all over a raster; the whole of a small one, thinned."""
    height, width = dataset.height, dataset.width
    smallest = max([1, *dataset.overviews(bands[0])])
    if max(height, width) <= 2 * SAMPLE_PX * smallest:
        shape = (min(height, SAMPLE_PX), min(width, SAMPLE_PX))
        yield dataset.read(bands, out_shape=(len(bands), *shape))
        return
    for row in range(PIECES):
        for column in range(PIECES):
            top = int((height - PIECE_PX) * row / (PIECES - 1))
            left = int((width - PIECE_PX) * column / (PIECES - 1))
            window = Window(max(left, 0), max(top, 0), PIECE_PX, PIECE_PX)
            yield dataset.read(bands, window=window.intersection(_all(dataset)))


def _all(dataset: Any) -> Window:
    return Window(0, 0, dataset.width, dataset.height)


def _is_alpha(dataset: Any, alpha: int) -> bool:
    sample = np.concatenate([p.ravel() for p in _pieces(dataset, (alpha,))])
    full = sample.max(initial=0)
    return bool(np.mean((sample > 0) & (sample < full)) <= PARTLY_CLEAR)


def _scale(raw: Numbers, stretch: tuple[float, float]) -> Pixels:
    low, high = stretch
    share = (np.nan_to_num(raw.astype(np.float32)) - low) / (high - low)
    scaled: Pixels = (np.clip(share, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)
    return scaled
