"""`ACT_data.mat` of CVACT: which panorama is where, and in which split.

A MATLAB 5 file. It comes from the internet, so its size and what its compressed parts
unfold to are bounded before SciPy reads it, and everything read is checked. Nothing in
such a file is code.
"""

import hashlib
import re
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dataset_tools.errors import UnreadableError
from dataset_tools.geodesy import from_projected_m

MAX_FILE_BYTES = 128 * 1024**2
MAX_INFLATED_BYTES = 512 * 1024**2
CHUNK_BYTES = 1024**2
MAT_HEADER_BYTES = 128
COMPRESSED = 15
"""Type number of a compressed element in a MATLAB 5 file."""
EPSG = 32755
"""WGS84 / UTM zone 55S, which Canberra lies in."""
CANBERRA = (-36.5, 148.0, -34.5, 150.5)
"""South, west, north, east that every position must lie within, degrees."""
SPLITS = {
    "train": ("trainSet", "trainInd"),
    "val": ("valSet", "valInd"),
    "test": ("valSetAll", "valInd"),
}
"""Split to (variable, field) of its list of indices."""
VERSIONS = {
    "2f00ba46": "the version of OriCNN, CVFT, DSM and SAFA",
    "5c5e0fc3": "the version of L2LTR",
}
"""First digits of the git blob ids of the two files in circulation."""
_PANO_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ActData:
    """The content of the file."""

    ids: tuple[str, ...]
    """[N] panorama ids."""
    utm_m: Floats
    """[N, 2] easting and northing, UTM zone 55S."""
    lat: Floats
    """[N] degrees."""
    lon: Floats
    """[N] degrees."""
    rows: dict[str, Ints]
    """Split to rows of the above, counted from 0, in the order of the file."""
    version: str
    """Which of the files in circulation this is."""


def read_act_data(path: Path) -> ActData:
    """Read and check the file.

    Raises:
        UnreadableError: if it is too large, no MATLAB 5 file, or its content is not
            that of ACT_data.mat.
    """
    data = _bounded(path)
    content = _load(path)
    ids = _ids(content.get("panoIds"), path)
    utm = _utm(content.get("utm"), path, count=len(ids))
    known = np.isfinite(utm).all(axis=1)
    lat, lon = np.full((2, len(ids)), np.nan)
    lat[known], lon[known] = from_projected_m(*utm[known].T, epsg=EPSG)
    _refuse_elsewhere(lat[known], lon[known], path)
    rows = {s: _rows(content, s, path, count=len(ids)) for s in SPLITS}
    blob = hashlib.sha1(
        f"blob {len(data)}\0".encode() + data, usedforsecurity=False
    ).hexdigest()
    # Git's name of a file, not a protection.
    version = VERSIONS.get(blob[:8], f"an unknown version (git blob {blob[:8]})")
    return ActData(ids=ids, utm_m=utm, lat=lat, lon=lon, rows=rows, version=version)


def _bounded(path: Path) -> bytes:
    """The bytes of the file, whose parts unfold to no more than the limit."""
    size = path.stat().st_size
    if not MAT_HEADER_BYTES < size <= MAX_FILE_BYTES:
        raise UnreadableError(
            f"{path} has {size:,} bytes, expected a MATLAB file of at most "
            f"{MAX_FILE_BYTES:,}; fetch it again."
        )
    data = path.read_bytes()
    if data[:4] == b"\x89HDF" or data[:10] == b"MATLAB 7.3":
        raise UnreadableError(_fault(path, "it is a MATLAB 7.3 file, not MATLAB 5"))
    order = {b"IM": "<", b"MI": ">"}.get(data[126:128])
    if order is None:
        raise UnreadableError(_fault(path, "it is no MATLAB 5 file"))
    place, inflated = MAT_HEADER_BYTES, 0
    while place + 8 <= len(data):
        kind, length = struct.unpack_from(f"{order}II", data, place)
        part = data[place + 8 : place + 8 + length]
        if len(part) < length:
            raise UnreadableError(_fault(path, "it is cut"))
        if kind == COMPRESSED:
            inflated += _inflated_bytes(part, path)
        if inflated > MAX_INFLATED_BYTES:
            raise UnreadableError(_fault(path, "it unfolds to too much"))
        place += 8 + length
    return data


def _inflated_bytes(part: bytes, path: Path) -> int:
    """How much a compressed part unfolds to, without keeping it."""
    unfolder, total = zlib.decompressobj(), 0
    while part and total <= MAX_INFLATED_BYTES:
        try:
            total += len(unfolder.decompress(part, CHUNK_BYTES))
        except zlib.error as error:
            raise UnreadableError(_fault(path, str(error))) from error
        part = unfolder.unconsumed_tail
    return total


def _load(path: Path) -> dict[str, Any]:
    from scipy.io import loadmat

    names = ["panoIds", "utm", *(variable for variable, _ in SPLITS.values())]
    try:
        content = loadmat(path, variable_names=names, squeeze_me=False)
    # SciPy's reader raises whatever its own parts happen to raise on broken bytes.
    except (
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        AttributeError,
        OverflowError,
        NotImplementedError,
        UnboundLocalError,
        MemoryError,
        EOFError,
        OSError,
        zlib.error,
        struct.error,
    ) as error:
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UnreadableError(_fault(path, text)) from error
    missing = [n for n in names if n not in content]
    if missing:
        held = sorted(n for n in content if not n.startswith("__"))
        raise UnreadableError(
            f"{path} has no variable {missing[0]!r}, it holds {held[:8]}; is it "
            "ACT_data.mat?"
        )
    return dict(content)


def _ids(value: Any, path: Path) -> tuple[str, ...]:
    """Panorama ids out of a character matrix or a cell array of texts."""
    found = [
        v.item() if isinstance(v, np.ndarray) and v.size == 1 else v
        for v in _flat(value)
    ]
    ids = tuple(str(v).strip() for v in found)
    bad = next((i for i in ids if not _PANO_ID.fullmatch(i)), None)
    if bad is not None or not ids:
        raise UnreadableError(
            _fault(path, f"panoIds holds {bad!r}, expected letters, digits, - and _")
        )
    if len(set(ids)) != len(ids):
        seen: set[str] = set()
        double = next(i for i in ids if i in seen or seen.add(i))  # type: ignore[func-returns-value]
        raise UnreadableError(_fault(path, f"panoIds holds {double!r} twice"))
    return ids


def _flat(value: Any) -> list[Any]:
    array = np.asarray(value)
    return list(array.ravel()) if array.dtype.kind in "UO" else []


def _utm(value: Any, path: Path, *, count: int) -> Floats:
    """[N, 2] easting and northing in float64, whichever column holds which."""
    array = np.asarray(value)
    if array.dtype.kind not in "iuf" or array.ndim != 2 or len(array) != count:
        raise UnreadableError(
            _fault(
                path,
                f"utm is {array.dtype} of shape {array.shape}, expected {count} rows "
                "of easting and northing",
            )
        )
    if array.shape[1] < 2:
        raise UnreadableError(_fault(path, "utm has one column, expected two"))
    utm = array[:, :2].astype(np.float64)
    low, high = np.nanmedian(utm, axis=0) if np.isfinite(utm).any() else (0.0, 0.0)
    # Eastings of a zone are below 1,000 km, northings of the south above.
    return utm if low < high else utm[:, ::-1]


def _refuse_elsewhere(lat: Floats, lon: Floats, path: Path) -> None:
    south, west, north, east = CANBERRA
    good = (lat > south) & (lat < north) & (lon > west) & (lon < east)
    if good.all() and len(good):
        return
    first = int(np.flatnonzero(~good)[0]) if len(good) else 0
    where = f"{lat[first]:.3f}, {lon[first]:.3f}" if len(good) else "nowhere"
    raise UnreadableError(
        _fault(
            path,
            f"taken as UTM zone 55S, row {first + 1} of utm lies at {where}, not near "
            "Canberra",
        )
    )


def _rows(content: dict[str, Any], split: str, path: Path, *, count: int) -> Ints:
    """A split's list of rows, counted from 0."""
    variable, field = SPLITS[split]
    value = content[variable]
    names = getattr(getattr(value, "dtype", None), "names", None) or ()
    if field not in names or value.size != 1:
        raise UnreadableError(
            _fault(path, f"{variable} is no structure with a field {field!r}")
        )
    numbers = np.asarray(value.ravel()[0][field])
    if numbers.dtype.kind not in "iuf":
        raise UnreadableError(_fault(path, f"{variable}.{field} holds no numbers"))
    exact = numbers.ravel().astype(np.float64)
    # Cast before the subtraction: an unsigned 0 would become the largest number.
    whole = np.isfinite(exact) & (exact == np.floor(exact))
    good = whole & (exact >= 1) & (exact <= count)
    if not good.all() or not len(exact):
        bad = exact[~good][0] if len(exact) else "nothing"
        raise UnreadableError(
            _fault(
                path,
                f"{variable}.{field} holds {bad}, expected whole numbers from 1 to "
                f"{count}",
            )
        )
    rows = exact.astype(np.int64) - 1
    if len(np.unique(rows)) != len(rows):
        raise UnreadableError(_fault(path, f"{variable}.{field} holds a row twice"))
    return rows


def _fault(path: Path, what: str) -> str:
    return (
        f"{path} cannot be used: {what}. Fetch ACT_data.mat again from where "
        "`geobench data request cvact` says."
    )
