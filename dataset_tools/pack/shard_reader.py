"""Reading shards: structure first, then bytes straight from the file.

A shard from elsewhere is hostile until proven otherwise: raw external storage,
links and virtual data sets can read other files, and a header can declare more than
is stored. The structure is therefore looked at before any value is read. HDF5 is
then closed again: pictures lie end to end in the file, so that a read is one system
call that needs no lock and survives a fork.
"""

import os
import stat
import zlib
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np
import numpy.typing as npt

from dataset_tools.errors import IntegrityError, MissingDataError, UnreadableError
from dataset_tools.pack.format import SHARD_MEMBERS, Encoding

Pixels = npt.NDArray[np.uint8]

MOST_ROWS: Final = 10_000_000


def refuse_special(path: Path) -> None:
    """Refuse a path that is no plain file: a link, a pipe, a device, a folder.

    Raises:
        MissingDataError: if nothing is there.
        IntegrityError: if it is something else than a file.
    """
    try:
        mode = path.lstat().st_mode
    except OSError as error:
        message = f"{path} is not there ({error.strerror}). Fetch the pack again."
        raise MissingDataError(message) from error
    if not stat.S_ISREG(mode):
        message = f"{path} is no plain file but a link or device. Do not trust it."
        raise IntegrityError(message)


class ShardReader:
    """One open shard whose structure has been checked; any thread may read.

    Attributes:
        ids: the id of each row.

    Raises:
        MissingDataError: if the file is not there.
        UnreadableError: if it is no HDF5.
        IntegrityError: if its structure is not that of a shard.
    """

    def __init__(self, path: Path, encoding: Encoding) -> None:
        self._descriptor = -1
        self.path = path
        refuse_special(path)
        try:
            # Shards never change, so a lock is not needed; some disks have none.
            file = h5py.File(path, "r", locking=False)
        except OSError as error:
            message = (
                f"The shard {path} cannot be opened: {error}. Fetch it again, or build "
                "the pack anew."
            )
            raise UnreadableError(message) from error
        try:
            with file:
                self._read_structure(file, encoding)
        except IntegrityError:
            raise
        except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
            message = f"The shard {path} is damaged: {error}. Fetch it again."
            raise IntegrityError(message) from error
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def _read_structure(self, file: h5py.File, encoding: Encoding) -> None:
        fault = structure_fault(file, encoding, self.path.stat().st_size)
        if fault is None:
            self.ids: list[str] = [bytes(i).decode() for i in file["id"][()]]
            self._crc: list[int] = file["crc32"][()].tolist()
            data = file["bytes" if encoding == "encoded" else "images"]
            self._shape: tuple[int, ...] = data.shape[1:]
            start = data.id.get_offset() or 0
            if encoding == "encoded":
                offset = file["offset"][()]
                fault = _offset_fault(offset, data.shape[0])
            else:
                step = int(np.prod(self._shape))
                offset = np.arange(len(self.ids) + 1, dtype=np.int64) * step
            self._place: list[int] = (offset + start).tolist()
            self._checked = bytearray(len(self.ids))
        if fault:
            message = f"The shard {self.path} is refused: {fault}. Do not trust it."
            raise IntegrityError(message)

    def __len__(self) -> int:
        return len(self.ids)

    def crc32(self, row: int) -> int:
        """The checksum that a row's picture should have."""
        return self._crc[row]

    def read(self, row: int, name: str) -> bytes | Pixels:
        """The picture in a row: bytes, or uint8 [H, W, 3] of a baked shard.

        The checksum is compared when a row is read for the first time.

        Raises:
            IntegrityError: if the row is another picture's or fails its checksum.
        """
        if not 0 <= row < len(self.ids) or self.ids[row] != name:
            message = (
                f"{self.path} does not hold {name!r} in row {row}. Run "
                "`geobench data check` on the pack."
            )
            raise IntegrityError(message)
        start, size = self._place[row], self._place[row + 1] - self._place[row]
        value = self._pixels(start, size) if self._shape else self._bytes(start, size)
        if not self._checked[row]:
            data = value if isinstance(value, bytes) else value.data
            if zlib.crc32(data) != self._crc[row]:
                message = (
                    f"{name!r} in {self.path} fails its checksum: the file was "
                    "damaged. Fetch it again, or repair the pack with `geobench data "
                    "repair`."
                )
                raise IntegrityError(message)
            # The checksum takes three times as long as reading; damage at rest and
            # on the way is found by the first comparison.
            self._checked[row] = 1
        return value

    def _bytes(self, start: int, size: int) -> bytes:
        try:
            value = os.pread(self._descriptor, size, start)
        except OSError as error:
            raise self._unread(start, str(error)) from error
        if len(value) == size:
            return value
        # One call gives at most 2 GiB; fewer bytes also mean a file that was cut.
        return self._pixels(start, size, shape=(size,)).tobytes()

    def _pixels(
        self, start: int, size: int, *, shape: tuple[int, ...] | None = None
    ) -> Pixels:
        pixels = np.empty(size, np.uint8)
        view, done = pixels.data, 0
        while done < size:
            try:
                got = os.preadv(self._descriptor, [view[done:]], start + done)
            except OSError as error:
                raise self._unread(start, str(error)) from error
            if not got:
                raise self._unread(start, "it ends before its last picture")
            done += got
        return pixels.reshape(shape or self._shape)

    def _unread(self, start: int, fault: str) -> IntegrityError:
        message = f"{self.path} cannot be read at byte {start}: {fault}."
        return IntegrityError(message)

    def close(self) -> None:
        """Close the file; it cannot be read any more."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __del__(self) -> None:
        # A reader that a `Pack` let go may be in use by another thread until now.
        self.close()


def structure_fault(file: h5py.File, encoding: Encoding, file_size: int) -> str | None:
    """Why an open HDF5 file is no shard, or None; reads no value."""
    expected = SHARD_MEMBERS[encoding]
    if file.userblock_size:
        return f"{file.userblock_size} foreign bytes stand before it"
    # Links are looked at before anything is opened through them.
    names = sorted(str(name) for name in file)
    if names != sorted(expected):
        return f"it holds {names[:8]}, expected {sorted(expected)}"
    for name in names:
        if type(file.get(name, getlink=True)) is not h5py.HardLink:
            return f"{name!r} is a link to elsewhere"
    rows, total = {}, 0
    for name, (kind, dimensions) in expected.items():
        dataset = file[name]
        fault = _dataset_fault(dataset, kind, dimensions, file_size)
        if fault:
            return f"{name!r} {fault}"
        total += dataset.nbytes
        rows[name] = dataset.shape[0]
    if total > file_size:
        return f"its data sets declare {total} bytes in a file of {file_size}"
    return "it has attributes" if len(file.attrs) else _rows_fault(rows)


def _rows_fault(rows: dict[str, int]) -> str | None:
    rows.pop("bytes", None)
    if "offset" in rows:
        rows["offset"] -= 1
    if len(set(rows.values())) != 1 or not 0 < rows["id"] <= MOST_ROWS:
        return f"its data sets have {rows} rows"
    return None


def _dataset_fault(
    dataset: Any, kind: str, dimensions: int, file_size: int
) -> str | None:
    if not isinstance(dataset, h5py.Dataset):
        return "is no data set"
    if dataset.external is not None:
        return "is stored in another file"
    if dataset.is_virtual:
        return "is put together from other files"
    plan = dataset.id.get_create_plist()
    if plan.get_layout() != h5py.h5d.CONTIGUOUS or plan.get_nfilters():
        return "is not contiguous and unfiltered"
    if not _is_of_kind(dataset, kind, dimensions):
        return f"has type {dataset.dtype} and shape {dataset.shape}"
    if dimensions == 4 and (dataset.shape[3] != 3 or 0 in dataset.shape):
        return f"has shape {dataset.shape}, expected [n, H, W, 3]"
    if dataset.nbytes > file_size:
        return f"declares {dataset.nbytes} bytes in a file of {file_size}"
    if dataset.size and dataset.id.get_storage_size() != dataset.nbytes:
        return "declares more than is stored"
    if dataset.size and dataset.id.get_offset() + dataset.nbytes > file_size:
        return "reaches beyond the end of the file"
    return "has attributes" if len(dataset.attrs) else None


def _is_of_kind(dataset: h5py.Dataset, kind: str, dimensions: int) -> bool:
    if dataset.shape is None or dataset.ndim != dimensions:
        return False
    if kind != "S":
        return bool(dataset.dtype == kind)
    text = h5py.check_string_dtype(dataset.dtype)
    return text is not None and text.length is not None and text.encoding == "utf-8"


def _offset_fault(offset: npt.NDArray[np.int64], size: int) -> str | None:
    if np.any(np.diff(offset) < 0):
        return "`offset` runs backwards"
    if offset[0] != 0 or offset[-1] != size:
        return "`offset` does not span `bytes`"
    return None
