"""A pack as tables and pictures. Needs numpy, h5py, pyarrow, pandas and pillow only.

Shards are opened at their first picture and can be read by any thread, before and
after a fork; a `Pack` can be pickled, it takes no open file along.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from dataset_tools.errors import (
    IntegrityError,
    MissingDataError,
    UnreadableError,
    suggest,
)
from dataset_tools.pack.format import (
    ID_COLUMN,
    META_FILE,
    TABLE_OF,
    TABLES,
    Encoding,
    Kind,
    content_files,
    content_sha256,
    content_sha256_of,
    meta_faults,
    schema_faults,
    shard_name,
)
from dataset_tools.pack.shard_reader import ShardReader, refuse_special
from dataset_tools.pictures import decode, encode_png

META_LIMIT_BYTES: Final = 16 * 1024**2
TABLE_LIMIT_BYTES: Final = 8 * 1024**3
"""A table that is larger, or declares more when unpacked, is not read."""
TABLE_LIMIT_ROWS: Final = 100_000_000
MOST_OPEN: Final = 256
"""Shards held open at a time, well below the usual limit of 1,024 files."""


class Pack:
    """An open pack; `Pack.open` makes it, `close` or `with` ends it.

    Attributes:
        path: the folder.
        meta: the content of `pack.json`.
    """

    _shards: dict[int, ShardReader]
    _process: int

    def __init__(
        self,
        path: Path,
        meta: dict[str, Any],
        *,
        tables: Mapping[str, pa.Table] | None = None,
    ) -> None:
        """Take what was read; `tables` stand for files that cannot be."""
        self.path = path
        self.meta = meta
        self._given = dict(tables or {})
        self._reset()

    @classmethod
    def open(cls, path: Path, *, verify: bool = False) -> "Pack":
        """Open a pack.

        Args:
            path: its folder.
            verify: compare the files with `content_sha256` first, at about 1 GB/s.

        Raises:
            MissingDataError: if there is no pack.
            IntegrityError: if `pack.json` is not as it should be, or a hash differs.
        """
        meta = read_meta(Path(path))
        if verify:
            for file in content_files(Path(path)):
                refuse_special(file)
            if content_sha256(Path(path)) != meta["content_sha256"]:
                message = (
                    f"The files of {path} differ from its content_sha256. Fetch the "
                    "pack again; `geobench data check` says which part is wrong."
                )
                raise IntegrityError(message)
        return cls(Path(path), meta)

    @property
    def name(self) -> str:
        """The pack's name."""
        return str(self.meta["name"])

    @property
    def encoding(self) -> Encoding:
        """`encoded` or `baked`."""
        return self.meta["encoding"]  # type: ignore[no-any-return]

    @property
    def content_sha256(self) -> str:
        """The hash that `pack.json` states."""
        return str(self.meta["content_sha256"])

    @cached_property
    def frames(self) -> pd.DataFrame:
        """One row a frame, indexed by `frame_id`, sorted."""
        return self._table("frames")

    @cached_property
    def tiles(self) -> pd.DataFrame:
        """One row a tile, indexed by `tile_id`, sorted."""
        return self._table("tiles")

    @cached_property
    def sequences(self) -> pd.DataFrame:
        """One row a query, indexed by `sequence_id`, sorted."""
        return self._table("sequences")

    @cached_property
    def splits(self) -> pd.DataFrame:
        """Rows of scheme, split, kind and id, sorted."""
        return self._table("splits")

    def split_ids(self, scheme: str, split: str, kind: str) -> list[str]:
        """Sorted ids of one split; empty if the scheme does not have it.

        Args:
            scheme: a split scheme of the pack, such as "area".
            split: "train", "val", "test" or "dropped".
            kind: "sequence", or a gallery: "tile", "tile-thinned", "tile-open".

        Raises:
            MissingDataError: if the pack has no such scheme.
        """
        table = self.splits
        if scheme not in set(table["scheme"]):
            known = suggest(scheme, set(table["scheme"]))
            message = f"The pack {self.path} has no split scheme {scheme!r}. {known}"
            raise MissingDataError(message)
        chosen = (table["scheme"] == scheme) & (table["split"] == split)
        return sorted(table.loc[chosen & (table["kind"] == kind), "id"])

    def picture_bytes(self, kind: Kind, name: str) -> bytes:
        """The encoded bytes of a picture; PNG if the pack is baked.

        Raises:
            MissingDataError: if there is no such picture.
            IntegrityError: if its shard is damaged.
        """
        value = self.stored(kind, name)
        return value if isinstance(value, bytes) else encode_png(value)

    def picture(self, kind: Kind, name: str) -> npt.NDArray[np.uint8]:
        """A picture as uint8 [H, W, 3] RGB.

        Raises:
            MissingDataError: if there is no such picture.
            IntegrityError: if its shard is damaged.
            UnreadableError: if its bytes cannot be decoded.
        """
        value = self.stored(kind, name)
        return decode(value) if isinstance(value, bytes) else value

    def holds(self, kind: Kind, name: str) -> bool:
        """Whether the pack holds a picture of this frame or tile."""
        return name in self._places[kind]

    def stored(self, kind: Kind, name: str) -> bytes | npt.NDArray[np.uint8]:
        """A picture as the pack holds it: bytes, or uint8 [H, W, 3] if it is baked.

        Raises:
            MissingDataError: if there is no such picture.
            IntegrityError: if its shard is damaged.
        """
        place = self._places[kind].get(name)
        if place is None:
            message = f"The pack {self.path} holds no picture of {kind} {name!r}."
            raise MissingDataError(message)
        return self.shard(place[0]).read(place[1], name)

    def shard(self, number: int) -> ShardReader:
        """An open shard.

        Raises:
            MissingDataError: if it is not there.
            IntegrityError: if it is damaged.
        """
        if self._process != os.getpid():
            # A fork may have copied a lock that a thread of the parent held.
            self._lock, self._process = Lock(), os.getpid()
        with self._lock:
            found = self._shards.get(number)
            if found is None:
                if len(self._shards) >= MOST_OPEN:
                    # Closed when the last thread that reads it lets go.
                    del self._shards[next(iter(self._shards))]
                path = self.path / shard_name(number)
                found = self._shards[number] = ShardReader(path, self.encoding)
            return found

    def table(self, name: str) -> pa.Table:
        """A table as it is stored, with columns that the contract does not know.

        Args:
            name: "frames", "tiles", "sequences" or "splits".

        Raises:
            MissingDataError: if the file is not there.
            UnreadableError: if it is no Parquet.
            IntegrityError: if its hash or columns are not as they should be.
        """
        if name in self._given:
            return self._given[name]
        record = (self.meta.get("files") or {}).get(f"{name}.parquet")
        return read_table(self.path, name, record=record, whole=True)

    def close(self) -> None:
        """Close the shards; the next picture opens its shard again."""
        with self._lock:
            for shard in self._shards.values():
                shard.close()
            self._shards = {}

    def __enter__(self) -> "Pack":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "meta": self.meta, "_given": self._given}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._reset()

    def _reset(self) -> None:
        self._lock = Lock()
        self._process = os.getpid()
        self._shards = {}

    def _table(self, name: str) -> pd.DataFrame:
        frame: pd.DataFrame = self.table(name).select(TABLES[name].names).to_pandas()
        frame = frame.drop(columns="bbox", errors="ignore")
        return frame.set_index(ID_COLUMN[name]) if name in ID_COLUMN else frame

    @cached_property
    def _places(self) -> dict[str, dict[str, tuple[int, int]]]:
        """Kind -> id -> (shard, row); a table look-up a picture would be slow."""
        found = {}
        for kind, name in TABLE_OF.items():
            table = getattr(self, name)
            table = table[table["shard"].notna()]
            rows = zip(
                table["shard"].astype(int), table["row"].astype(int), strict=True
            )
            found[kind] = dict(zip(table.index, rows, strict=True))
        return found


def read_meta(path: Path) -> dict[str, Any]:
    """The content of `pack.json`, checked.

    Raises:
        MissingDataError: if it is not there.
        IntegrityError: if it is not what a pack's should be.
    """
    file = path / META_FILE
    if not file.is_file():
        message = (
            f"{path} is no pack: it has no {META_FILE}. Build one with "
            "`geobench data build`, or give a pack's folder."
        )
        raise MissingDataError(message)
    refuse_special(file)
    if file.stat().st_size > META_LIMIT_BYTES:
        message = f"{file} is larger than {META_LIMIT_BYTES} bytes; it is not read."
        raise IntegrityError(message)
    try:
        text = file.read_text(encoding="utf-8")
        meta = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError, OSError) as error:
        message = f"{file} is no JSON: {error}. Fetch the pack again."
        raise IntegrityError(message) from error
    faults = meta_faults(meta)
    if faults:
        message = f"{path}: {faults[0]}"
        raise IntegrityError(message)
    if meta.get("files") and content_sha256_of(meta["files"]) != meta["content_sha256"]:
        message = (
            f"{file} states hashes of files that do not give its content_sha256. Fetch "
            "the pack again."
        )
        raise IntegrityError(message)
    return dict(meta)


def read_table(
    path: Path,
    name: str,
    *,
    record: Mapping[str, Any] | None = None,
    whole: bool = False,
) -> pa.Table:
    """One of a pack's tables, its schema checked.

    Args:
        path: the pack's folder.
        name: "frames", "tiles", "sequences" or "splits".
        record: what `pack.json` says of the file under `files`; it is compared.
        whole: keep columns that the contract does not know.

    Raises:
        MissingDataError: if the file is not there.
        UnreadableError: if it is no Parquet, or declares too much.
        IntegrityError: if its hash or its columns are not those of the contract.
    """
    file = path / f"{name}.parquet"
    if not file.exists() and not file.is_symlink():
        message = f"The pack {path} has no {file.name}. Fetch it again."
        raise MissingDataError(message)
    refuse_special(file)
    if file.stat().st_size > TABLE_LIMIT_BYTES:
        message = f"{file} is larger than {TABLE_LIMIT_BYTES} bytes; it is not read."
        raise UnreadableError(message)
    try:
        data = file.read_bytes()
        if record and hashlib.sha256(data).hexdigest() != record["sha256"]:
            message = (
                f"{file} is not the file that pack.json was written for (SHA-256 "
                "differs). Fetch the pack again, or repair it with `geobench data "
                "repair`."
            )
            raise IntegrityError(message)
        table = _parquet(pq.ParquetFile(pa.BufferReader(data)))
    except (pa.ArrowException, OSError, MemoryError) as error:
        message = f"{file} cannot be read: {error}. Fetch the pack again."
        raise UnreadableError(message) from error
    faults = schema_faults(name, table.schema)
    if faults:
        message = f"{path}: {faults[0]}"
        raise IntegrityError(message)
    return table if whole else table.select(TABLES[name].names)


def _parquet(file: pq.ParquetFile) -> pa.Table:
    """The whole table, unless its header declares more than a pack can hold."""
    about = file.metadata
    groups = range(about.num_row_groups)
    size = sum(about.row_group(i).total_byte_size for i in groups)
    if size > TABLE_LIMIT_BYTES or about.num_rows > TABLE_LIMIT_ROWS:
        message = f"it declares {about.num_rows} rows in {size} bytes"
        raise OSError(message)
    return file.read()


def _refuse_constant(word: str) -> None:
    message = f"it holds {word}, which is no JSON number"
    raise ValueError(message)
