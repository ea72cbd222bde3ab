"""Shards that are no shards: refused before a value is read."""

import h5py
import numpy as np
import pytest
from made_pack import make

from dataset_tools.errors import IntegrityError
from dataset_tools.pack.read import Pack


@pytest.fixture
def path(tmp_path):
    return make(tmp_path)


def first_picture(pack):
    return pack.picture_bytes("frame", "s0/000")


def replace_bytes(path, change):
    """Rewrite the first shard with another `bytes`, made by `change(file, length)`."""
    shard = path / "images-00000.h5"
    with h5py.File(shard, "r") as file:
        kept = {name: file[name][()] for name in ("offset", "crc32", "id")}
        length = file["bytes"].shape[0]
    with h5py.File(shard, "w") as file:
        for name, value in kept.items():
            file.create_dataset(name, data=value)
        change(file, length)


def external(tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(b"x" * 100_000)

    def change(file, length):
        stored = [(str(secret), 0, length)]
        file.create_dataset("bytes", (length,), "u1", external=stored)

    return change


def virtual(tmp_path):
    other = tmp_path / "other.h5"
    with h5py.File(other, "w") as file:
        file["bytes"] = np.zeros(100_000, np.uint8)

    def change(file, length):
        layout = h5py.VirtualLayout((length,), "u1")
        layout[:] = h5py.VirtualSource(other, "bytes", (100_000,))[:length]
        file.create_virtual_dataset("bytes", layout)

    return change


def linked(tmp_path):
    def change(file, length):
        file["bytes"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "/bytes")

    return change


def softly_linked(tmp_path):
    def change(file, length):
        file["bytes"] = h5py.SoftLink("/crc32")

    return change


def compressed(tmp_path):
    def change(file, length):
        data = np.zeros(length, np.uint8)
        file.create_dataset("bytes", data=data, compression="gzip")

    return change


def group(tmp_path):
    def change(file, length):
        file.create_group("bytes")

    return change


def never_stored(tmp_path):
    def change(file, length):
        file.create_dataset("bytes", (2**36,), "u1")

    return change


def noted(tmp_path):
    def change(file, length):
        file.create_dataset("bytes", data=np.zeros(length, np.uint8)).attrs["a"] = 1

    return change


def noted_above(tmp_path):
    def change(file, length):
        file.create_dataset("bytes", data=np.zeros(length, np.uint8))
        file.attrs["owner"] = "me"

    return change


def beside(tmp_path):
    def change(file, length):
        file.create_dataset("bytes", data=np.zeros(length, np.uint8))
        file.create_dataset("more", data=np.zeros(4, np.uint8))

    return change


def signed(tmp_path):
    def change(file, length):
        file.create_dataset("bytes", data=np.zeros(length, np.int8))

    return change


def compact(tmp_path):
    def change(file, length):
        space = h5py.h5s.create_simple((10,))
        plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plan.set_layout(h5py.h5d.COMPACT)
        h5py.h5d.create(file.id, b"bytes", h5py.h5t.STD_U8LE, space, plan)

    return change


@pytest.mark.parametrize(
    ("attack", "words"),
    [
        (external, "another file"),
        (virtual, "other files"),
        (linked, "link"),
        (softly_linked, "link"),
        (compressed, "contiguous"),
        (group, "no data set"),
        (never_stored, "declares"),
        (noted, "attributes"),
        (noted_above, "attributes"),
        (beside, "'more'"),
        (signed, "int8"),
        (compact, "contiguous"),
    ],
)
def test_a_hostile_shard_is_refused_before_it_is_read(path, tmp_path, attack, words):
    replace_bytes(path, attack(tmp_path))
    with pytest.raises(IntegrityError, match=words):
        first_picture(Pack.open(path))
