"""HDF5 shards: pictures of one view, contiguous, written once and never changed.

A shard from elsewhere is hostile until proven otherwise: raw external storage,
links and virtual datasets can read other files, and a header can declare more than
is stored. `ShardReader` therefore looks at the structure before it reads a value.
"""

import io
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np
import numpy.typing as npt

from dataset_tools.errors import IntegrityError, UnreadableError, UsageError
from dataset_tools.pack.format import SHARD_MEMBERS, Encoding

Pixels = npt.NDArray[np.uint8]
Item = tuple[str, bytes | Pixels]
"""(id, encoded bytes or uint8 [H, W, 3])."""

SHARD_BYTES: Final = 64 * 1024**2
"""A shard is closed once it holds this much: big enough for fast sequential reading,
small enough that a damaged one is cheap to fetch again."""
MOST_ROWS: Final = 10_000_000


@contextmanager
def shard_image(items: Iterable[Item], *, encoding: Encoding) -> Iterator[memoryview]:
    """The content of a shard file, made in memory; equal items give equal bytes.

    HDF5 never sees the disk, so that a full one is an ordinary error of an ordinary
    write. The pictures are held twice at most.

    Args:
        items: at least one picture.
        encoding: of the pack.

    Raises:
        UsageError: if pictures of a baked shard differ in size.
    """
    file = io.BytesIO()
    _fill(file, items, encoding)
    with file.getbuffer() as image:
        yield image


def _fill(target: io.BytesIO, items: Iterable[Item], encoding: Encoding) -> None:
    data, offset, crc, ids = bytearray(), [0], list[int](), list[bytes]()
    shape: tuple[int, ...] | None = None
    for name, payload in items:
        if not isinstance(payload, bytes):
            shape = _one_shape(payload, shape, name)
            payload = payload.tobytes()
        data += payload
        offset.append(len(data))
        crc.append(zlib.crc32(payload))
        ids.append(name.encode())
    stored = np.frombuffer(data, np.uint8)
    with h5py.File(target, "w", track_order=False) as file:
        if encoding == "encoded":
            file.create_dataset("bytes", data=stored)
            file.create_dataset("offset", data=np.array(offset, np.int64))
        else:
            assert shape is not None
            file.create_dataset("images", data=stored.reshape(len(ids), *shape))
        file.create_dataset("crc32", data=np.array(crc, np.uint32))
        kind = h5py.string_dtype("utf-8", max(1, *(len(i) for i in ids)))
        file.create_dataset("id", data=np.array(ids, dtype=kind))


def _one_shape(
    pixels: Pixels, shape: tuple[int, ...] | None, name: str
) -> tuple[int, ...]:
    if shape in (None, pixels.shape):
        return pixels.shape
    message = (
        f"The picture {name!r} has {pixels.shape[1]} x {pixels.shape[0]} pixels, "
        f"those before it {shape[1]} x {shape[0]}: a baked pack holds one size a view. "
        "Bring them to one size first."
    )
    raise UsageError(message)


class ShardReader:
    """One open shard whose structure has been checked.

    Raises:
        UnreadableError: if the file is not there or no HDF5.
        IntegrityError: if its structure is not that of a shard.
    """

    def __init__(self, path: Path, encoding: Encoding) -> None:
        self.path = path
        self._encoding = encoding
        try:
            self._file = h5py.File(path, "r")
        except OSError as error:
            message = (
                f"The shard {path} cannot be opened: {error}. Fetch it again, or build "
                "the pack anew."
            )
            raise UnreadableError(message) from error
        try:
            self._open()
        except (OSError, RuntimeError, KeyError, ValueError, UnicodeError) as error:
            self._file.close()
            if isinstance(error, IntegrityError):
                raise
            message = f"The shard {path} is damaged: {error}. Fetch it again."
            raise IntegrityError(message) from error

    def _open(self) -> None:
        fault = structure_fault(self._file, self._encoding, self.path.stat().st_size)
        if fault:
            message = f"The shard {self.path} is refused: {fault}. Do not trust it."
            raise IntegrityError(message)
        self.ids: list[str] = [bytes(i).decode() for i in self._file["id"][()]]
        self._crc = self._file["crc32"][()]
        self._data = self._file["bytes" if self._encoding == "encoded" else "images"]
        self._offset: Any = None
        if self._encoding == "encoded":
            self._offset = self._file["offset"][()]
            end = int(self._offset[-1])
            if self._offset[0] != 0 or end != self._data.shape[0]:
                message = f"{self.path}: `offset` does not span `bytes`."
                raise IntegrityError(message)
            if np.any(np.diff(self._offset) < 0):
                message = f"{self.path}: `offset` runs backwards."
                raise IntegrityError(message)

    def __len__(self) -> int:
        return len(self.ids)

    def read(self, row: int, name: str) -> bytes | Pixels:
        """The picture in a row: bytes, or uint8 [H, W, 3] of a baked shard.

        Raises:
            IntegrityError: if the row is another picture's or fails its checksum.
        """
        if not 0 <= row < len(self.ids) or self.ids[row] != name:
            message = (
                f"{self.path} does not hold {name!r} in row {row}. Run "
                "`geobench data check` on the pack."
            )
            raise IntegrityError(message)
        try:
            if self._offset is None:
                value = self._data[row]
            else:
                value = self._data[self._offset[row] : self._offset[row + 1]].tobytes()
        except OSError as error:
            message = f"{self.path}, row {row} cannot be read: {error}."
            raise IntegrityError(message) from error
        if zlib.crc32(value) != int(self._crc[row]):
            message = (
                f"{name!r} in {self.path} fails its checksum: the file was damaged. "
                "Fetch it again, or build the pack anew."
            )
            raise IntegrityError(message)
        return value  # type: ignore[no-any-return]

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def structure_fault(file: h5py.File, encoding: Encoding, file_size: int) -> str | None:
    """Why an open HDF5 file is no shard, or None; reads no value."""
    expected = SHARD_MEMBERS[encoding]
    # Links are looked at before anything is opened through them.
    names = sorted(str(name) for name in file)
    if names != sorted(expected):
        return f"it holds {names[:8]}, expected {sorted(expected)}"
    for name in names:
        if type(file.get(name, getlink=True)) is not h5py.HardLink:
            return f"{name!r} is a link to elsewhere"
    rows = {}
    for name, (kind, dimensions) in expected.items():
        dataset = file[name]
        fault = _dataset_fault(dataset, kind, dimensions)
        if fault:
            return f"{name!r} {fault}"
        if dataset.nbytes > file_size:
            return f"{name!r} declares {dataset.nbytes} bytes in a file of {file_size}"
        rows[name] = dataset.shape[0]
    rows.pop("bytes", None)
    if "offset" in rows:
        rows["offset"] -= 1
    if len(set(rows.values())) != 1 or not 0 < rows["id"] <= MOST_ROWS:
        return f"its datasets have {rows} rows"
    return None


def _dataset_fault(dataset: Any, kind: str, dimensions: int) -> str | None:
    if not isinstance(dataset, h5py.Dataset):
        return "is no dataset"
    if dataset.external is not None:
        return "is stored in another file"
    if dataset.is_virtual:
        return "is put together from other files"
    plan = dataset.id.get_create_plist()
    if dataset.chunks is not None or plan.get_nfilters():
        return "is not contiguous and unfiltered"
    is_kind = dataset.dtype.kind == "S" if kind == "S" else dataset.dtype == kind
    if not is_kind or dataset.ndim != dimensions or dataset.shape is None:
        return f"has type {dataset.dtype} and shape {dataset.shape}"
    if dataset.size and dataset.id.get_storage_size() != dataset.nbytes:
        return "declares more than is stored"
    if dimensions == 4 and (dataset.shape[3] != 3 or 0 in dataset.shape):
        return f"has shape {dataset.shape}, expected [n, H, W, 3]"
    return None
