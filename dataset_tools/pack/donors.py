"""Where a damaged picture can be had again: a copy of the pack, a drive, imagery."""

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from dataset_tools.errors import DatasetToolsError, UsageError
from dataset_tools.imagery import Imagery, open_sources
from dataset_tools.pack.format import Kind
from dataset_tools.pack.read import Pack
from dataset_tools.pack.records import frames_of, tiles_of
from dataset_tools.pack.shards import Pixels
from dataset_tools.pictures import encode_jpeg, without_metadata
from dataset_tools.pictures.codec import read_picture
from dataset_tools.records import Frame, Rejection, Tile
from dataset_tools.settings.repair import RepairSettings
from dataset_tools.settings.tile import ImagerySettings

Origin = Literal["copy", "drive", "imagery"]
Take = Callable[[], bytes | Pixels | None]
"""Makes a picture anew, or None."""

OUR_TERMS = "as the pack says"
"""Terms do not matter for pixels that a pack holds already."""


@dataclass(frozen=True, kw_only=True)
class Donors:
    """Open sources of pictures."""

    copies: Sequence[Pack]
    drive: Path | None
    imagery: Sequence[Imagery]
    frames: Mapping[str, Frame]
    tiles: Mapping[str, Tile]

    def find(
        self, kind: Kind, name: str, *, crc32: int | None
    ) -> tuple[Origin, Take] | None:
        """The first source that gives a picture, or None.

        Args:
            kind: "frame" or "tile".
            name: its id.
            crc32: the checksum it should have; None where that is lost too. A frame
                must meet it; a tile that is cut by other library versions need not.
        """
        second_best: tuple[Origin, Take] | None = None
        for origin, take in self._offers(kind, name):
            picture = _taken(take)
            if picture is None:
                continue
            data = picture if isinstance(picture, bytes) else picture.tobytes()
            if crc32 is None or zlib.crc32(data) == crc32:
                return origin, take
            if origin == "imagery" and second_best is None:
                second_best = origin, take
        return second_best

    def _offers(self, kind: Kind, name: str) -> Iterator[tuple[Origin, Take]]:
        for pack in self.copies:
            if pack.holds(kind, name):
                yield "copy", partial(pack.stored, kind, name)
        if kind == "frame" and self.drive is not None:
            yield "drive", partial(_from_drive, self.drive, self.frames[name])
        if kind == "tile" and self.imagery:
            tile = self.tiles[name]
            # The source that the tile names comes first.
            for imagery in sorted(self.imagery, key=lambda i: i.source != tile.source):
                yield "imagery", partial(_from_imagery, imagery, tile)


@contextmanager
def open_donors(
    pack: Pack,
    copies: Sequence[Path],
    settings: RepairSettings,
) -> Iterator[Donors]:
    """Open copies and sources, closed at the end.

    Raises:
        MissingDataError: if a path is not there.
        UnreadableError: if a source cannot be read.
        IntegrityError: if a copy's `pack.json` is damaged.
    """
    with ExitStack() as stack:
        opened = [stack.enter_context(Pack.open(path)) for path in copies]
        imagery = [
            stack.enter_context(open_sources(_reading(path, settings)))
            for path in settings.imagery
        ]
        if pack.encoding == "baked" and (settings.drive or imagery):
            message = (
                f"{pack.path} is baked: its pictures are not those of a drive or of "
                "imagery. Mend it from a copy (--from), or bake the encoded pack anew."
            )
            raise UsageError(message)
        yield Donors(
            copies=[p for p in opened if _steps(p) == _steps(pack)],
            drive=settings.drive,
            imagery=imagery,
            frames={f.frame_id: f for f in frames_of(pack)} if settings.drive else {},
            tiles={t.tile_id: t for t in tiles_of(pack)} if imagery else {},
        )


def _reading(path: Path, settings: RepairSettings) -> ImagerySettings:
    given = {"licence": OUR_TERMS, "imagery_crs": settings.imagery_crs}
    return ImagerySettings.model_validate({"imagery": (path,), **given})


def _steps(pack: Pack) -> object:
    return pack.encoding, (pack.meta.get("preprocessing") or {}).get("sha256")


def _taken(take: Take) -> bytes | Pixels | None:
    try:
        return take()
    except DatasetToolsError:
        # This source does not have it either; the next one may.
        return None


def _from_drive(drive: Path, frame: Frame) -> bytes | None:
    assert frame.source is not None
    path = (drive / frame.source).resolve()
    if not path.is_relative_to(drive.resolve()) or not path.is_file():
        return None
    return without_metadata(read_picture(path))


def _from_imagery(imagery: Imagery, tile: Tile) -> bytes | None:
    side_m = tile.m_per_px * tile.width_px
    pixels = imagery.crop(tile.lat, tile.lon, side_m=side_m, size_px=tile.width_px)
    return None if isinstance(pixels, Rejection) else encode_jpeg(pixels)
