"""Every promise of docs/formats.md, and a way to break it alone."""

import os
from datetime import UTC, datetime

import h5py
import numpy as np
import pyarrow as pa
import shapely
from broken_pack import (
    baked,
    both,
    content,
    described,
    geo,
    image,
    member,
    meta,
    mixed,
    owned_jpeg,
    pictures,
    prefixed,
    remade,
    repacked,
    rows,
    shape,
    shard,
    spare_shard,
    table,
    value,
)
from made_pack import contents, frame, sequence, tile

NAN, INF = float("nan"), float("inf")
BOX = {"xmin": -72.0, "ymin": 44.0, "xmax": -71.0, "ymax": 45.0}
WEST, EAST = (-72.5, 44.5), (-72.4, 44.5)
LINE = [(-72.5, 44.5), (-72.5, 44.6), (-72.5, 44.7)]
SQUARE = shapely.box(-72.0, 43.9, -71.9, 44.0)


def offset(name, east_m, north_m=3.0):
    return [{"tile_id": name, "east_m": east_m, "north_m": north_m}]


def year(number):
    return datetime(number, 1, 1, tzinfo=UTC)


def column(name, array):
    return lambda t: t.set_column(t.schema.get_field_index(name), name, [array])


def kept(*ids):
    return lambda t: described(t.filter([i in ids for i in t[0].to_pylist()]))


ABOUT = [
    ("meta", "no JSON", content("pack.json", b"{")),
    ("meta", "too large", content("pack.json", b" " * (16 * 1024**2 + 1))),
    ("meta", "not a number", content("pack.json", b'{"format": NaN}')),
    ("meta", "another format", meta(format="zip")),
    ("meta", "another version", meta(version=9)),
    ("meta", "another encoding", meta(encoding="raw")),
    ("meta", "no counts", meta(counts=None)),
    ("meta", "a hash that is none", meta(content_sha256="x", files=None)),
    ("meta", "a file without hash", meta(files={"splits.parquet": {}})),
    ("meta", "no name", meta(name=" ")),
    ("meta", "private is no truth value", meta(private="yes")),
    ("special-file", "a link", lambda p: (p / "map.png").symlink_to("/etc/hostname")),
    ("special-file", "a pipe", lambda p: os.mkfifo(p / "images-00007.h5")),
    ("special-file", "a folder", lambda p: (p / "more").mkdir()),
    ("extra-file", "a stranger", content("notes.txt", b"x")),
    ("missing-file", "no table", lambda p: (p / "splits.parquet").unlink()),
    ("missing-file", "no shard", lambda p: (p / "images-00001.h5").unlink()),
    ("hash", "of all", meta(files=None, content_sha256="0" * 64)),
    ("hash", "of a table", repacked),
    ("counts", "frames", meta(counts={"frames": 1})),
    ("licence", "none", meta(licences=[])),
    ("licence", "no attribution", meta(licences=[{"source": "a", "licence": "b"}])),
    ("licence", "of a tile", value("tiles", 0, licence=" ")),
    ("rejections", "no numbers", meta(rejections={"clean": {"jump": "two"}})),
    ("absolute-path", "in made_by", meta(made_by={"drive": "/home/me"})),
    ("absolute-path", "of Windows", meta(made_by={"drive": "C:\\me"})),
    ("preprocessing", "of an encoded pack", meta(preprocessing={"polar": True})),
]
TABLES = [
    ("unreadable-table", "no Parquet", content("frames.parquet", b"PAR1")),
    ("schema", "a column less", table("frames", lambda t: t.drop_columns("order"))),
    ("schema", "a type", table("tiles", column("width_px", pa.array([1.5, 2, 3])))),
    ("geoparquet", "no key", table("frames", lambda t: t.replace_schema_metadata({}))),
    ("geoparquet", "version", geo("frames", version="1.0.0")),
    ("geoparquet", "column", geo("frames", primary_column="bbox")),
    ("geoparquet", "encoding", geo("tiles", encoding="point")),
    ("geoparquet", "CRS", geo("tiles", crs={"id": {"authority": "EPSG", "code": 1}})),
    ("geoparquet", "types", geo("sequences", geometry_types=["Polygon"])),
    ("geoparquet", "covering", geo("sequences", covering={})),
    ("geoparquet", "orientation", geo("tiles", orientation="clockwise")),
    ("geoparquet", "edges", geo("frames", edges="spherical")),
    ("geoparquet", "bounds", geo("frames", bbox=[0.0, 0.0, 1.0, 1.0])),
    ("geometry", "no WKB", value("frames", 0, geometry=b"\1\1\0\0\0")),
    ("geometry", "a line", shape("frames", 0, shapely.LineString([WEST, EAST]))),
    ("geometry", "another point", shape("frames", 0, shapely.Point(EAST))),
    ("geometry", "another line", shape("sequences", 0, shapely.LineString(LINE))),
    ("geometry", "too short", shape("sequences", 0, shapely.LineString(LINE[:2]))),
    ("geometry", "a triangle", shape("tiles", 0, shapely.Polygon([*LINE[:2], EAST]))),
    ("bbox", "of another place", value("tiles", 0, bbox=BOX)),
    ("null", "a session", value("frames", 0, session_id=None)),
    ("null", "a list", value("sequences", 0, semi_positives=None)),
    ("null", "in a list", value("sequences", 0, positives=["t/far", None])),
    ("null", "a tile without picture", value("tiles", 0, shard=None)),
    ("not-finite", "a latitude", value("frames", 0, lat=INF)),
    ("not-finite", "an altitude", value("frames", 0, altitude_m=NAN)),
    ("not-finite", "an offset", value("sequences", 0, offsets=offset("t/far", NAN))),
    ("null-id", "a frame", value("frames", 0, frame_id=None)),
    ("double-id", "a frame", value("frames", 1, frame_id="s0/000")),
    ("double-id", "a row", table("splits", lambda t: pa.concat_tables([t, t[:1]]))),
    ("unsorted", "tiles", table("tiles", lambda t: t.take([2, 1, 0]))),
    ("unsorted", "splits", table("splits", lambda t: t.take([1, 0, 2, 3, 4, 5, 6]))),
    ("position", "beyond a pole", value("sequences", 0, lat=91.0)),
    ("position", "half of one", value("sequences", 0, lon=None)),
    ("heading", "360 degrees", value("frames", 0, heading_deg=360.0)),
    ("field-of-view", "none", value("frames", 0, hfov_deg=0.0)),
    ("field-of-view", "more than all", value("frames", 0, hfov_deg=361.0)),
    ("projection", "fisheye", value("frames", 0, projection="fisheye")),
    ("order", "taken", value("frames", 3, order=2)),
    ("order", "negative", value("frames", 0, order=-1)),
    ("time", "of 1970", value("frames", 0, time=year(1970))),
    ("time", "backwards", value("frames", 3, time=year(2001))),
    ("source-path", "absolute", value("frames", 0, source="/etc/passwd")),
    ("source-path", "upwards", value("frames", 0, source="a/../../b.jpg")),
    ("source-path", "of Windows", value("frames", 0, source="a\\b.jpg")),
    ("tile-size", "no pixels", value("tiles", 0, height_px=0)),
    ("tile-size", "no scale", value("tiles", 0, m_per_px=None)),
]
FAR = [f"s900/{i:03d}" for i in range(3)]
BACK = shapely.LineString([(f.lon, f.lat) for f in contents().frames[6:3:-1]])
TURNED = both(value("sequences", 0, frame_ids=FAR[::-1]), shape("sequences", 0, BACK))
FOREIGN = value(
    "sequences",
    2,
    semi_positives=["t/far"],
    offsets=offset("t/near", 8.0) + offset("t/far", 0.0, 900.0),
)
ASTRAY = both(
    rows(without=[("area", "train", "sequence", "q/one")]),
    value("sequences", 2, lat=44.5018, offsets=[], positives=[]),
)
NOWHERE = value("sequences", 2, lat=None, lon=None, geometry=None, bbox=None)
UNPLACED = both(NOWHERE, table("sequences", described))
BARE = remade(
    frames=[f for f in contents().frames if f != frame(3)] + [frame(3, source=None)]
)
SPY = sequence(
    "q/spy",
    [frame(2), frame(2, north_m=900.0)],
    contents().tiles[1],
    length_m=900.0,
)
SHARED = remade(
    sequences=[*contents().sequences, SPY],
    split_rows=[*contents().split_rows, ("area", "test", "sequence", "q/spy")],
)
OVERLAP = remade(
    tiles=[*contents().tiles, tile("t/spy", 90, 3)],
    split_rows=[*contents().split_rows, ("area", "test", "tile-open", "t/spy")],
)
ROWS = [
    ("empty-sequence", "no frame", value("sequences", 0, frame_ids=[])),
    ("missing-frame", "unknown", value("sequences", 0, frame_ids=["nowhere"])),
    ("missing-tile", "unknown", value("sequences", 0, semi_positives=["nowhere"])),
    ("double-entry", "a frame", value("sequences", 0, frame_ids=["s0/000"] * 2)),
    ("double-entry", "both kinds", value("sequences", 0, semi_positives=["t/far"])),
    ("sequence-order", "turned", TURNED),
    ("offset", "9 m", value("sequences", 1, offsets=offset("t/near", 17.0))),
    ("offset-tile", "another's", value("sequences", 1, offsets=offset("t/grid", 0.0))),
    ("no-offset", "none", value("sequences", 1, offsets=[])),
    ("outside-tile", "900 m away", FOREIGN),
    ("footprint", "of another place", shape("tiles", 0, SQUARE)),
    ("footprint", "a scale 5 % off", value("tiles", 0, m_per_px=5.25)),
    ("length", "5 m more", value("sequences", 0, length_m=21.0)),
    ("length", "unknown", value("sequences", 0, length_m=None)),
    ("off-track", "200 m", ASTRAY),
    ("no-picture", "a position", BARE),
    ("no-position", "a query", UNPLACED),
    ("split-name", "holdout", rows(("a", "holdout", "tile", "t/grid"))),
    ("kind-name", "mosaic", rows(("a", "val", "mosaic", "t/grid"))),
    ("split-missing-sequence", "ghost", rows(("a", "val", "sequence", "ghost"))),
    ("split-missing-tile", "ghost", rows(("a", "val", "tile", "ghost"))),
    ("two-splits", "both", rows(("area", "val", "sequence", "q/far"))),
    ("gallery", "no answer", rows(without=[("area", "test", "tile-open", "t/far")])),
    ("gallery", "thinned beyond", rows(("area", "test", "tile-thinned", "t/grid"))),
    ("no-positive", "none", value("sequences", 2, positives=[], offsets=[])),
    ("shared-frame", "train and test", SHARED),
    ("overlapping-tiles", "train and test", OVERLAP),
]


def external(file, length):
    stored = [("/etc/hostname", 0, length[0])]
    file.create_dataset("bytes", length, "u1", external=stored)


def virtual(file, length):
    layout = h5py.VirtualLayout(length, "u1")
    layout[:] = h5py.VirtualSource("/etc/hostname", "bytes", length)
    file.create_virtual_dataset("bytes", layout)


def external_link(file, length):
    file["bytes"] = h5py.ExternalLink("/etc/hostname", "/bytes")


def soft_link(file, length):
    file["bytes"] = h5py.SoftLink("/crc32")


def filtered(file, length):
    file.create_dataset("bytes", data=np.zeros(length, "u1"), compression="gzip")


def chunked(file, length):
    file.create_dataset("bytes", data=np.zeros(length, "u1"), chunks=(64,))


def declared(file, length):
    file.create_dataset("bytes", (2**40,), "u1")


def folder(file, length):
    file.create_group("bytes")


def noted(file, length):
    file.create_dataset("bytes", data=np.zeros(length, "u1")).attrs["by"] = "me"


def beside(file, length):
    file["more"] = np.zeros(3)


def retyped(members):
    members["offset"] = members["offset"].astype("f8")


SPARE = both(
    table("tiles", kept("t/far", "t/near")),
    rows(without=[("area", "test", "tile-open", "t/grid")]),
)
FIRST = "s0/000"
SHARDS = [
    ("shard", "no HDF5", content("images-00000.h5", b"x" * 100)),
    ("shard", "user block", prefixed),
    ("shard", "another member", member(beside)),
    ("shard", "external storage", member(external)),
    ("shard", "virtual data set", member(virtual)),
    ("shard", "external link", member(external_link)),
    ("shard", "soft link", member(soft_link)),
    ("shard", "filter", member(filtered)),
    ("shard", "chunks", member(chunked)),
    ("shard", "declares more than is stored", member(declared)),
    ("shard", "group", member(folder)),
    ("shard", "attribute", member(noted)),
    ("shard", "another type", shard(retyped)),
    ("shard", "a row less", shard(lambda m: m.update(crc32=m["crc32"][1:]))),
    ("shard", "runs back", shard(lambda m: m["offset"].__setitem__(1, 10**9))),
    ("place", "another row", value("frames", 0, row=1)),
    ("place", "no row", value("frames", 0, row=None)),
    ("place", "a negative shard", value("frames", 0, shard=-1)),
    ("place", "source without place", value("frames", 0, shard=None, row=None)),
    ("picture", "one bit", shard(lambda m: m["bytes"].__setitem__(30, 7))),
    ("picture-kind", "GIF", pictures({FIRST: image("GIF")})),
    ("picture-metadata", "EXIF", pictures({FIRST: owned_jpeg()})),
    (
        "picture-metadata",
        "a trailer",
        pictures({FIRST: image("JPEG") + b"video"}),
    ),
    ("undecodable", "nothing", pictures({FIRST: b"\xff\xd8\xff\xd9"})),
    ("picture-size", "a wide tile", pictures({"t/far": image("PNG")}, 1)),
    ("mixed-shard", "frames and a tile", mixed),
    ("spare-picture", "no tile's", SPARE),
    ("spare-shard", "left over", spare_shard),
    ("preprocessing", "none of a baked pack", baked(meta(preprocessing=None))),
    (
        "preprocessing",
        "another than hashed",
        baked(
            meta(
                preprocessing={
                    "ground_size": [8, 8],
                    "satellite_size": [8, 8],
                    "sha256": "0",
                }
            )
        ),
    ),
]
PROMISES = [*ABOUT, *TABLES, *ROWS, *SHARDS]
