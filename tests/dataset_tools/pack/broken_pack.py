"""Ways to break exactly one promise of the made pack, hashes put right again.

Each function here returns a function of the pack's path that breaks it.
"""

import io
import json
import shutil
import zlib
from itertools import pairwise

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
from made_pack import make
from PIL import Image

from dataset_tools.pack.bake import bake
from dataset_tools.pack.format import content_sha256_of, file_records
from dataset_tools.pack.seal import counts
from dataset_tools.pack.tables import geo_metadata
from dataset_tools.settings.bake import BakeSettings


def change_meta(path, change):
    file = path / "pack.json"
    meta = json.loads(file.read_text())
    change(meta)
    file.write_text(json.dumps(meta))


def reseal(path, *, recount=True):
    """Make the hashes and counts in pack.json those of the files."""

    def change(meta):
        meta["files"] = file_records(path)
        meta["content_sha256"] = content_sha256_of(meta["files"])
        if recount:
            meta["counts"] = counts(path)

    change_meta(path, change)


def meta(**changes):
    """Put values into pack.json; None takes a key away."""

    def apply(held):
        for key, value in changes.items():
            held.pop(key, None)
            if value is not None:
                held[key] = value

    return lambda path: change_meta(path, apply)


def remade(**changes):
    """The pack made anew from other contents."""

    def change(path):
        shutil.rmtree(path)
        make(path.parent, **changes)

    return change


def table(name, change):
    """Put `change(table)` in the place of a table."""

    def apply(path):
        file = path / f"{name}.parquet"
        pq.write_table(change(pq.read_table(file)), file)
        reseal(path)

    return apply


def value(name, index, /, **values):
    """Set values of one row of a table."""

    def change(held):
        for column, new in values.items():
            at = held.schema.get_field_index(column)
            items = held[column].to_pylist()
            items[index] = new
            array = pa.array(items, held.schema.field(at).type)
            held = held.set_column(at, column, array)
        return held

    return table(name, change)


def geo(name, **values):
    """Set values of `geo`, or of its geometry column, in a table's metadata."""

    def change(held):
        about = json.loads(held.schema.metadata[b"geo"])
        for key, new in values.items():
            (about if key in about else about["columns"]["geometry"])[key] = new
        return held.replace_schema_metadata({"geo": json.dumps(about)})

    return table(name, change)


def described(held):
    """A table whose metadata are those of its geometries."""
    shapes = np.asarray(shapely.from_wkb(held["geometry"].to_pylist()), object)
    return held.replace_schema_metadata({"geo": json.dumps(geo_metadata(shapes))})


def shape(name, row, given):
    """Set the geometry of a row; bbox and metadata follow."""
    box = dict(zip(("xmin", "ymin", "xmax", "ymax"), given.bounds, strict=True))
    placed = value(name, row, geometry=shapely.to_wkb(given), bbox=box)
    return both(placed, table(name, described))


def rows(*extra, without=()):
    """Rows of splits.parquet more or less."""

    def change(held):
        kept = [tuple(row.values()) for row in held.to_pylist()]
        kept = sorted([row for row in kept if row not in without] + list(extra))
        columns = zip(*kept, strict=True)
        return pa.table(dict(zip(held.column_names, columns, strict=True)))

    return table("splits", change)


def shard(change, number=0):
    """Write a shard again after `change(members)`, name -> array."""

    def apply(path):
        file = path / f"images-{number:05d}.h5"
        with h5py.File(file, "r") as held:
            members = {name: held[name][()] for name in held}
            text = held["id"].dtype
        change(members)
        with h5py.File(file, "w") as new:
            for name, data in members.items():
                kind = text if name == "id" else None
                new.create_dataset(name, data=data, dtype=kind)
        reseal(path)

    return apply


def pictures(given, number=0):
    """Put other bytes, with their checksums, into an encoded shard."""

    def change(members):
        held = blobs(members)
        ids = [i.decode() for i in members["id"]]
        fill(members, [given.get(i, h) for i, h in zip(ids, held, strict=True)])

    return shard(change, number)


def blobs(members):
    places = pairwise(members["offset"])
    return [members["bytes"][a:b].tobytes() for a, b in places]


def fill(members, data):
    members["bytes"] = np.frombuffer(b"".join(data), np.uint8)
    members["offset"] = np.cumsum([0, *map(len, data)]).astype(np.int64)
    members["crc32"] = np.array([zlib.crc32(d) for d in data], np.uint32)


def member(make_it):
    """Replace `bytes` of the first shard by what `make_it(file, length)` makes."""

    def apply(path):
        with h5py.File(path / "images-00000.h5", "r+") as file:
            length = file["bytes"].shape
            del file["bytes"]
            make_it(file, length)
        reseal(path)

    return apply


def content(file, data):
    """Put other bytes into a file."""

    def apply(path):
        (path / file).write_bytes(data)
        if file != "pack.json":
            reseal(path, recount=False)

    return apply


def prefixed(path):
    """Put a user block before the first shard."""
    file = path / "images-00000.h5"
    file.write_bytes(b" " * 512 + file.read_bytes())
    reseal(path)


def both(*changes):
    def apply(path):
        for change in changes:
            change(path)

    return apply


def mixed(path):
    """Name the tiles' shard as the place of a frame's picture too."""

    def change(members):
        held = blobs(members)
        fill(members, [*held, held[0]])
        members["id"] = np.append(members["id"], b"s0/000")

    shard(change, 1)(path)
    value("frames", 0, shard=1, row=3)(path)

    def cut(members):
        held = blobs(members)
        fill(members, held[1:])
        members["id"] = members["id"][1:]

    shard(cut, 0)(path)
    for i in range(1, 7):
        value("frames", i, row=i - 1)(path)


def spare_shard(path):
    shutil.copy(path / "images-00001.h5", path / "images-00009.h5")
    reseal(path)


def image(kind, size=(32, 16), **options):
    """Bytes of a black picture."""
    target = io.BytesIO()
    Image.new("RGB", size).save(target, kind, **options)
    return target.getvalue()


def owned_jpeg():
    """A JPEG whose EXIF names its owner."""
    exif = Image.Exif()
    exif[0x013B] = "A. Owner"
    return image("JPEG", exif=exif)


def repacked(path):
    """The same rows of a table in other bytes, the hash left as it was."""
    file = path / "splits.parquet"
    pq.write_table(pq.read_table(file), file, compression="gzip")


def baked(change):
    """The pack baked, then changed."""

    def apply(path):
        settings = BakeSettings(ground_size=(8, 24), satellite_size=(8, 8))
        out = bake(path, path.with_name("baked.pack"), settings)
        shutil.rmtree(path)
        out.rename(path)
        change(path)

    return apply
