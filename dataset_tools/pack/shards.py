"""HDF5 shards: pictures of one view, contiguous, written once and never changed."""

import io
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

import h5py
import numpy as np
import numpy.typing as npt

from dataset_tools.errors import UsageError
from dataset_tools.pack.format import Encoding

Pixels = npt.NDArray[np.uint8]
Item = tuple[str, bytes | Pixels]
"""(id, encoded bytes or uint8 [H, W, 3])."""

SHARD_BYTES: Final = 64 * 1024**2
"""A shard is closed once it holds this much: big enough for fast sequential reading,
small enough that a damaged one is cheap to fetch again."""


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
