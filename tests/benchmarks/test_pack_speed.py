"""Reading a pack beside other layouts, and baked pairs beside decoding with PIL.

1,000 pictures of 60 KB are read in random order from a warm cache by one thread. A
pack compares the CRC-32 of a picture when it is read for the first time, so the first
reading is timed beside a flat file with the same checksum, later ones beside one
without.
Baked pairs have the size that polar models for CVUSA see: 112 x 616 px twice.
"""

import io
import zlib

import h5py
import numpy as np
import pytest
from PIL import Image

from dataset_tools.geodesy import LocalFrame
from dataset_tools.imagery.tile_list import footprint
from dataset_tools.pack.bake import bake
from dataset_tools.pack.read import Pack
from dataset_tools.pack.write import PackContents, write_pack
from dataset_tools.pictures import encode_jpeg
from dataset_tools.records import Frame, Sequence, Tile
from dataset_tools.settings.bake import BakeSettings

COUNT, BLOB = 1_000, 60_000
PAIRS = 64
GROUND, TILE = (224, 1232), 750
"""CVUSA's panoramas and tiles, pixels."""
INPUT = (112, 616)


def _contents(name, count):
    """`count` frames and tiles, a sequence each, 100 m apart."""
    local = LocalFrame(44.5, -72.5)
    lat, lon = local.to_degrees(100.0 * np.arange(count), np.zeros(count))
    frames, tiles, sequences = [], [], []
    for i, (y, x) in enumerate(zip(lat.tolist(), lon.tolist(), strict=True)):
        at = {"lat": y, "lon": x}
        frames.append(
            Frame(
                frame_id=f"f{i:04d}", session_id="s", order=i, source=f"{i}.jpg", **at
            )
        )
        tiles.append(
            Tile(
                tile_id=f"t{i:04d}",
                footprint=footprint(y, x, side_m=75.0),
                m_per_px=0.1,
                width_px=750,
                height_px=750,
                source="made",
                licence="CC0-1.0",
                **at,
            )
        )
        sequences.append(
            Sequence(
                sequence_id=f"q{i:04d}",
                region="r",
                frame_ids=(f"f{i:04d}",),
                positives=(f"t{i:04d}",),
                length_m=0.0,
                **at,
            )
        )
    return PackContents(
        name=name,
        frames=frames,
        tiles=tiles,
        sequences=sequences,
        split_rows=[],
        licences=[{"source": "made", "licence": "CC0-1.0", "attribution": ""}],
        made_by={"command": "benchmark"},
    )


@pytest.fixture(scope="module")
def blobs():
    """1,000 blobs of 60 KB that stand for JPEG files, and an order to read them."""
    rng = np.random.default_rng(0)
    return [rng.bytes(BLOB) for _ in range(COUNT)], rng.permutation(COUNT).tolist()


@pytest.fixture(scope="module")
def folder(tmp_path_factory, blobs):
    folder = tmp_path_factory.mktemp("layouts")
    data, _ = blobs
    write_pack(
        folder / "encoded.pack",
        _contents("encoded", COUNT),
        picture=lambda kind, name: data[int(name[1:])] if kind == "frame" else b"t",
    )
    (folder / "flat.bin").write_bytes(b"".join(data))
    with h5py.File(folder / "vlen.h5", "w") as file:
        kind = h5py.vlen_dtype(np.uint8)
        rows = file.create_dataset("pictures", (COUNT,), kind)
        for i, blob in enumerate(data):
            rows[i] = np.frombuffer(blob, np.uint8)
    return folder


def _time(benchmark, read, blobs):
    data, order = blobs

    def read_all():
        for i in order:
            read(i)

    assert bytes(read(7)) == data[7]
    benchmark.pedantic(read_all, rounds=10, warmup_rounds=1)


def _time_first_reading(benchmark, path, read_all):
    """Time `read_all(pack)` on a pack that has read nothing but its tables yet."""
    packs = []

    def open_anew():
        packs.append(Pack.open(path))
        packs[-1].stored("frame", "f0000")
        packs[-1].stored("tile", "t0000")
        return (packs[-1],), {}

    benchmark.pedantic(read_all, setup=open_anew, rounds=10)
    for pack in packs:
        pack.close()


@pytest.mark.benchmark(group="encoded")
def test_encoded_pack_first_reading(benchmark, folder, blobs):
    def read_all(pack):
        for i in blobs[1]:
            pack.picture_bytes("frame", f"f{i:04d}")

    _time_first_reading(benchmark, folder / "encoded.pack", read_all)


@pytest.mark.benchmark(group="encoded")
def test_encoded_pack_later_readings(benchmark, folder, blobs):
    with Pack.open(folder / "encoded.pack") as pack:
        _time(benchmark, lambda i: pack.picture_bytes("frame", f"f{i:04d}"), blobs)


@pytest.mark.benchmark(group="encoded")
def test_flat_file_with_checksums(benchmark, folder, blobs):
    crc = [zlib.crc32(b) for b in blobs[0]]
    with (folder / "flat.bin").open("rb", buffering=0) as file:

        def read(i):
            file.seek(i * BLOB)
            blob = file.read(BLOB)
            assert zlib.crc32(blob) == crc[i]
            return blob

        _time(benchmark, read, blobs)


@pytest.mark.benchmark(group="encoded")
def test_flat_file_without_checksums(benchmark, folder, blobs):
    with (folder / "flat.bin").open("rb", buffering=0) as file:

        def read(i):
            file.seek(i * BLOB)
            return file.read(BLOB)

        _time(benchmark, read, blobs)


@pytest.mark.benchmark(group="encoded")
def test_vlen_hdf5(benchmark, folder, blobs):
    with h5py.File(folder / "vlen.h5", "r") as file:
        rows = file["pictures"]
        _time(benchmark, lambda i: rows[i].tobytes(), blobs)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """Packs of 64 pairs at CVUSA's size: encoded, and baked to a polar model."""
    folder = tmp_path_factory.mktemp("pairs")
    rng = np.random.default_rng(0)

    def picture(kind, name):
        height, width = GROUND if kind == "frame" else (TILE, TILE)
        # Smooth colours, so that the files are as large as photographs' are.
        small = rng.integers(0, 255, (height // 6, width // 6, 3)).astype(np.uint8)
        image = Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)
        return encode_jpeg(np.asarray(image), quality=90)

    write_pack(folder / "e.pack", _contents("e", PAIRS), picture=picture)
    settings = BakeSettings(ground_size=INPUT, satellite_size=INPUT, polar=True)
    bake(folder / "e.pack", folder / "b.pack", settings)
    return folder


def _read_pairs(pack):
    for i in range(PAIRS):
        pack.picture("frame", f"f{i:04d}")
        pack.picture("tile", f"t{i:04d}")


@pytest.mark.benchmark(group="pairs")
def test_baked_pairs_first_reading(benchmark, pairs):
    _time_first_reading(benchmark, pairs / "b.pack", _read_pairs)


@pytest.mark.benchmark(group="pairs")
def test_baked_pairs_later_readings(benchmark, pairs):
    with Pack.open(pairs / "b.pack") as pack:
        assert pack.picture("tile", "t0000").shape == (*INPUT, 3)
        benchmark.pedantic(_read_pairs, (pack,), rounds=10, warmup_rounds=1)


@pytest.mark.benchmark(group="pairs")
def test_pairs_decoded_resized_and_augmented_with_pil(benchmark, pairs):
    """What loaders of published code do for each pair, without the polar transform."""
    with Pack.open(pairs / "e.pack") as pack:
        names = [f"{i:04d}" for i in range(PAIRS)]
        files = [
            (pack.picture_bytes("frame", "f" + n), pack.picture_bytes("tile", "t" + n))
            for n in names
        ]

    def prepare(data, size, *, flip):
        image = Image.open(io.BytesIO(data)).convert("RGB")
        image = image.resize(size[::-1], Image.Resampling.BILINEAR)
        if flip:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        pixels = np.asarray(image, np.float32)
        return np.clip((pixels - 128.0) * 1.2 + 118.0, 0, 255).astype(np.uint8)

    def read():
        for i, (ground, tile) in enumerate(files):
            prepare(ground, INPUT, flip=i % 2)
            prepare(tile, INPUT, flip=i % 2)

    benchmark.pedantic(read, rounds=3, warmup_rounds=1)
