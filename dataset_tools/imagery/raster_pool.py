"""The files of an index, opened when first needed, a bounded number at a time."""

from collections import OrderedDict

from rasterio.errors import RasterioError

from dataset_tools.errors import UnreadableError, UsageError
from dataset_tools.imagery.bands import needs_scale, read_bands, sample_values, scale_of
from dataset_tools.imagery.chunks import ChunkCache
from dataset_tools.imagery.gdal_files import open_placed, reading
from dataset_tools.imagery.geotiff import GeoRaster
from dataset_tools.imagery.index import Entry
from dataset_tools.imagery.source import Reading

MAX_OPEN = 32
SCALE_FILES = 8
"""Files that a common scale into 8 bits is measured on."""


class RasterPool:
    """Rasters by number; the one not used for longest is closed for a new one."""

    def __init__(
        self, entries: list[Entry], told: Reading, cache: ChunkCache, *, limit: int
    ) -> None:
        """Open a few files to find the scale that all share, and close them again.

        Raises:
            UsageError: if the bands asked for are not there.
        """
        self._entries, self._told, self._cache = entries, told, cache
        self._limit, self.least_covered = limit, told.min_covered
        self._open: OrderedDict[int, GeoRaster] = OrderedDict()
        self._broken: dict[int, str] = {}
        self.values = told.values or self._common_scale()

    def __len__(self) -> int:
        """How many files are open."""
        return len(self._open)

    def get(self, number: int) -> GeoRaster:
        """An open raster.

        Raises:
            UnreadableError: if the file is broken; it is not tried again.
        """
        if number in self._broken:
            raise UnreadableError(self._broken[number])
        if number in self._open:
            self._open.move_to_end(number)
            return self._open[number]
        try:
            raster = self._opened(number)
        except (UnreadableError, RasterioError) as error:
            name = self._entries[number].name
            self._broken[number] = f"{name}: {error}"
            raise UnreadableError(self._broken[number]) from error
        self._open[number] = raster
        if len(self._open) > self._limit:
            self._open.popitem(last=False)[1].close()
        return raster

    def close(self) -> None:
        """Close all files."""
        while self._open:
            self._open.popitem()[1].close()

    def _opened(self, number: int) -> GeoRaster:
        entry = self._entries[number]
        placed = open_placed(entry.path, crs=entry.crs, strict=False)
        try:
            with reading():
                bands = read_bands(
                    placed.dataset,
                    name=entry.name,
                    wanted=self._told.bands,
                    values=self.values,
                )
        except (UnreadableError, UsageError, RasterioError):
            placed.close()
            raise
        raster = GeoRaster(
            placed,
            entry.about,
            bands=bands,
            name=entry.name,
            cache=self._cache,
            key=(id(self), number),
        )
        raster.least_covered = self.least_covered
        return raster

    def _common_scale(self) -> tuple[float, float] | None:
        """One scale for all files, or None where they have 8 bits."""
        step = -(-len(self._entries) // SCALE_FILES)
        samples = []
        for entry in self._entries[::step]:
            try:
                placed = open_placed(entry.path, crs=entry.crs, strict=False)
            except UnreadableError:
                continue  # told when a crop needs it
            try:
                with reading():
                    bands = read_bands(
                        placed.dataset,
                        name=entry.name,
                        wanted=self._told.bands,
                        measure=False,
                    )
                    if needs_scale(placed.dataset, bands):
                        samples.append(sample_values(placed.dataset, bands))
            except (UnreadableError, RasterioError):
                continue
            finally:
                placed.close()
        return scale_of(samples) if samples else None
