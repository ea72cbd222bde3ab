"""Raster files opened so that they can name no other file and no address.

One driver a file, chosen by its first bytes; nothing beside it is looked at; a file
whose metadata name an overview elsewhere is refused before GDAL follows them. A VRT,
or a path beginning with /vsi, could point anywhere, the network included.
"""

import re
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import rasterio
from affine import Affine
from rasterio.crs import CRS
from rasterio.env import getenv, hasenv
from rasterio.errors import CRSError, NotGeoreferencedWarning, RasterioError

from dataset_tools.errors import MissingDataError, UnreadableError, UsageError
from dataset_tools.imagery.sidecars import system_beside, world_file

SIGNATURES = (
    (b"II*\x00", "GTiff"),
    (b"MM\x00*", "GTiff"),
    (b"II+\x00", "GTiff"),
    (b"MM\x00+", "GTiff"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\x00\x00\x00\x0cjP  ", "JP2OpenJPEG"),
    (b"\xff\x4f\xff\x51", "JP2OpenJPEG"),
)
"""First bytes of the files we open, and the only GDAL driver each is opened with."""
SUFFIXES = (".tif", ".tiff", ".jp2", ".j2k", ".jpg", ".jpeg", ".png")
MAX_BLOCK_BYTES = 512_000_000
"""The largest piece that a file can only be decoded in as a whole."""
GDAL_CACHE_BYTES = 64 * 1024**2
AUTHORITY = re.compile(r"(EPSG|ESRI|OGC|IGNF|IAU_2015):\w+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Placed:
    """An open dataset and where its pixels lie."""

    dataset: Any
    transform: Affine
    """From (column, row) of pixel corners to coordinates."""
    crs: str
    """WKT 2."""
    is_geographic: bool
    overview: Callable[[int], Any]
    """Opens an overview of the dataset by its number, from 0."""

    def close(self) -> None:
        """Close the file."""
        self.dataset.close()


def reading() -> AbstractContextManager[Any]:
    """The settings under which GDAL may open and read files.

    Within them they are not set again, which would cost a tenth of a crop.
    """
    if hasenv() and getenv().get("GDAL_DISABLE_READDIR_ON_OPEN") == "EMPTY_DIR":
        return nullcontext()
    return rasterio.Env(  # type: ignore[no-any-return]
        GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR",
        GDAL_PAM_ENABLED="NO",
        GDAL_CACHEMAX=GDAL_CACHE_BYTES,
    )


def open_placed(path: Path, *, crs: str | None, strict: bool = True) -> Placed:
    """A raster file whose place on Earth is known.

    Args:
        path: a local file.
        crs: system of a file that states none, e.g. "EPSG:32618".
        strict: refuse a file that states another system than `crs`.

    Raises:
        MissingDataError: if there is no such file.
        UsageError: if `crs` is no known system, or another one than the file's.
        UnreadableError: if the file is of another kind, broken, or not georeferenced.
    """
    dataset = open_dataset(path)
    try:
        wkt, is_geographic = _crs(dataset, path, crs, strict=strict)
        transform = _transform(dataset, path)
    except (UnreadableError, UsageError):
        dataset.close()
        raise
    return Placed(
        dataset,
        transform,
        wkt,
        is_geographic,
        overview=lambda number: open_dataset(path, overview=number),
    )


def open_dataset(path: Path, *, overview: int | None = None) -> Any:
    """The dataset behind a path, or one of its own overviews.

    Raises:
        MissingDataError: if there is no such file.
        UnreadableError: if it is of another kind, broken, or points elsewhere.
    """
    if not path.is_file():
        raise MissingDataError(f"There is no imagery file {path}; check the path.")
    with path.open("rb") as file:
        head = file.read(12)
    driver = next((d for start, d in SIGNATURES if head.startswith(start)), None)
    if driver is None:
        raise UnreadableError(
            f"{path} is no imagery that can be read here: expected a GeoTIFF, JPEG "
            "2000, JPEG or PNG (a VRT is refused, as it can point anywhere). Convert "
            "it with gdal_translate to a GeoTIFF."
        )
    options = {} if overview is None else {"OVERVIEW_LEVEL": overview}
    with reading():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", NotGeoreferencedWarning)
                dataset = rasterio.open(str(path.resolve()), driver=driver, **options)
        except (RasterioError, OSError, ValueError) as error:
            _refuse_driver(driver, path)
            raise UnreadableError(
                f"{path} cannot be read as imagery. Fetch or export it again. GDAL: "
                f"{error}"
            ) from error
        try:
            _refuse_unsafe(dataset, path)
        except UnreadableError:
            dataset.close()
            raise
    return dataset


def known_system(text: str) -> Any:
    """The system of an authority's code or a WKT text.

    Other forms that GDAL understands, such as names of files and addresses, are not.

    Raises:
        UsageError: if it is neither, or unknown.
    """
    try:
        if AUTHORITY.fullmatch(text.strip()):
            return CRS.from_string(text.strip())
        if "[" in text:
            return CRS.from_wkt(text, morph_from_esri_dialect="AUTHORITY" not in text)
    except CRSError:
        pass
    raise UsageError(
        f"{text[:60]!r} is no known coordinate reference system; give a code such as "
        "EPSG:32618, or WKT."
    )


def system_name(wkt: str) -> str:
    """A system as authority and code, or by its name where no authority has it."""
    authority = CRS.from_wkt(wkt).to_authority()
    return ":".join(authority) if authority else wkt.split('"')[1]


def _refuse_driver(driver: str, path: Path) -> None:
    with rasterio.Env() as env:
        if driver not in env.drivers():
            raise UnreadableError(
                f"{path} needs GDAL's driver {driver}, which this installation of "
                "rasterio does not have. Convert it to a GeoTIFF elsewhere."
            )


def _refuse_unsafe(dataset: Any, path: Path) -> None:
    """Refuse what points to other files, or can only be decoded in one huge piece."""
    elsewhere = dataset.tags(ns="OVERVIEWS")
    if elsewhere:
        raise UnreadableError(
            f"{path} names a file of overviews in its metadata "
            f"({next(iter(elsewhere.values()))[:80]!r}), which is not followed. Copy "
            "it with gdal_translate, then make overviews inside it with gdaladdo."
        )
    for suffix in (".msk", ".MSK"):
        if path.with_name(path.name + suffix).is_file():
            raise UnreadableError(
                f"{path.name} has its mask in {path.name}{suffix} beside it, which is "
                "not read. Put it inside: gdal_translate --config "
                "GDAL_TIFF_INTERNAL_MASK YES."
            )
    height, width = dataset.block_shapes[0] if dataset.count else (0, 0)
    size = height * width * sum(_sample_bytes(kind) for kind in dataset.dtypes)
    if size > MAX_BLOCK_BYTES:
        raise UnreadableError(
            f"{path} is stored in pieces of {width} x {height} pixels, too large to "
            "decode. Rewrite it with gdal_translate -co TILED=YES."
        )


def _sample_bytes(kind: str) -> int:
    bits = re.search(r"\d+$", kind)
    return max(1, int(bits[0]) // 8) if bits else 1


def _crs(
    dataset: Any, path: Path, given: str | None, *, strict: bool
) -> tuple[str, bool]:
    """(WKT, whether in degrees) of a dataset: its own, one beside it, or the given."""
    stated = None if given is None else known_system(given)
    own = dataset.crs
    if not own and (beside := system_beside(path)) is not None:
        try:
            own = known_system(beside)
        except UsageError as error:
            raise UnreadableError(f"Beside {path.name}: {error}") from error
    if not own and stated is None:
        raise UnreadableError(
            f"{path} has no coordinate reference system, so no tile can be cut from "
            "it. Say which one it uses, for example --imagery-crs EPSG:32618."
        )
    if strict and own and stated is not None and own != stated:
        raise UsageError(
            f"--imagery-crs {given} contradicts {path}, which says "
            f"{own.to_string()[:60]}. Leave it away."
        )
    used: Any = own or stated
    wkt, kind = _system(used.to_wkt())
    if kind == "local":
        raise UnreadableError(
            f"{path} uses the local system {used.to_string()[:60]!r}, which has no "
            "place on Earth. Export it in a projected system such as EPSG:32618."
        )
    return wkt, kind == "geographic"


@lru_cache(maxsize=256)
def _system(wkt: str) -> tuple[str, Literal["projected", "geographic", "local"]]:
    """WKT 2 of a system and its kind; files of one survey share it."""
    system: Any = CRS.from_wkt(wkt)
    text = str(system.to_wkt(version="WKT2_2019"))
    if system.is_geographic:
        return text, "geographic"
    return text, "projected" if system.is_projected else "local"


def _transform(dataset: Any, path: Path) -> Affine:
    transform: Affine = dataset.transform
    if transform == Affine.identity():
        transform = world_file(path) or transform
    if transform == Affine.identity() or transform.determinant == 0:
        points = ""
        if dataset.gcps[0]:
            points = "It has control points only: warp it with gdalwarp. "
        raise UnreadableError(
            f"{path.name} is not georeferenced: its pixels have no coordinates. "
            f"{points}Put a world file (.tfw, .jgw, .pgw) beside it, or export it with "
            "its georeference."
        )
    return transform
