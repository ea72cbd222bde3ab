import json
import sqlite3
import struct

import numpy as np
import pytest
import shapely
from rasterio.transform import from_origin

from dataset_tools.errors import UnreadableError, UsageError
from dataset_tools.geodesy import LocalFrame, transformer
from dataset_tools.records import Rejection

X, Y = 690_000.0, 4_930_000.0
SIZE = {"side_m": 40.0, "size_px": 80}


@pytest.fixture
def sheets(write_raster, tmp_path):
    """Write neighbouring sheets of one colour each, 100 m a side, 0.5 m a pixel."""

    def write(*cells, folder="sheets", dtype=np.uint8, **profile):
        (tmp_path / folder).mkdir(exist_ok=True)
        for number, (column, row) in enumerate(cells):
            value = 40 + 30 * number
            origin = from_origin(X + 100 * column, Y - 100 * row, 0.5, 0.5)
            write_raster(
                np.full((200, 200, 3), value, dtype),
                name=f"{folder}/s{column}{row}.tif",
                transform=origin,
                **profile,
            )
        return tmp_path / folder

    return write


def outline(column, row, crs="EPSG:32618"):
    """Footprint of a sheet in degrees."""
    xs, ys = X + 100 * column, Y - 100 * row
    ring = [(xs, ys), (xs + 100, ys), (xs + 100, ys - 100), (xs, ys - 100)]
    x, y = transformer(crs, "EPSG:4326").transform(*np.array(ring).T)
    return shapely.Polygon(np.column_stack([x, y]))


def write_geojson(path, rows):
    features = [
        {
            "type": "Feature",
            "properties": properties,
            "geometry": None
            if shape is None
            else json.loads(shapely.to_geojson(shape)),
        }
        for properties, shape in rows
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def write_gpkg(path, rows, srs=4326):
    """As gdaltindex writes it, by hand."""
    database = sqlite3.connect(path)
    database.executescript(
        "CREATE TABLE gpkg_geometry_columns (table_name, column_name, srs_id);"
        "CREATE TABLE gpkg_spatial_ref_sys (srs_id, organization, "
        "organization_coordsys_id, definition);"
        "CREATE TABLE tiles (fid INTEGER PRIMARY KEY, geom BLOB, location TEXT, "
        "captured TEXT);"
        "INSERT INTO gpkg_geometry_columns VALUES ('tiles', 'geom', 1);"
    )
    database.execute(
        "INSERT INTO gpkg_spatial_ref_sys VALUES (1, 'EPSG', ?, '')", (srs,)
    )
    for properties, shape in rows:
        blob = b"GP" + bytes([0, 3]) + struct.pack("<i", 1)
        blob += struct.pack("<4d", *(shape.bounds[i] for i in (0, 2, 1, 3)))
        blob += shapely.to_wkb(shape)
        values = (blob, properties["file"], properties.get("captured"))
        database.execute(
            "INSERT INTO tiles (geom, location, captured) VALUES (?, ?, ?)", values
        )
    database.commit()
    database.close()
    return path


def write_csv(path, rows, kind="wkt"):
    if kind == "wkt":
        lines = ["file,footprint,captured"]
        lines += [f'{p["file"]},"{s.wkt}",{p.get("captured", "")}' for p, s in rows]
    else:
        lines = ["filename,west,south,east,north,captured"]
        lines += [
            ",".join([p["file"], *map(str, s.bounds), p.get("captured", "")])
            for p, s in rows
        ]
    path.write_text("\n".join(lines))
    return path


def index_rows():
    return [
        ({"file": f"s{c}0.tif", "captured": "2023-04-15"}, outline(c, 0))
        for c in (0, 1, 2)
    ]


def test_a_crop_at_the_seam_of_two_sheets_is_joined(sheets, opened, place):
    imagery = opened(sheets((0, 0), (1, 0)))
    at = place(X + 100, Y - 50)
    part = imagery.part_at(*at, **SIZE)
    assert part.source == "sheets/s00.tif; sheets/s10.tif"
    crop = imagery.crop(*at, **SIZE)
    assert (crop[:, :38] == 40).all()
    assert (crop[:, 42:] == 70).all()
    assert set(np.unique(crop)) == {40, 70}
    assert np.array_equal(crop, part.crop(*at, **SIZE))
    corner = opened(sheets((0, 0), (1, 0), (0, 1), (1, 1), folder="four"))
    four = corner.crop(*place(X + 100, Y - 100), **SIZE)
    assert [four[r, c, 0] for r, c in ((0, 0), (0, -1), (-1, 0), (-1, -1))] == [
        40,
        70,
        100,
        130,
    ]


def test_a_crop_within_a_sheet_names_that_sheet(sheets, opened, place):
    imagery = opened(sheets((0, 0), (1, 0)))
    assert imagery.part_at(*place(X + 150, Y - 50), **SIZE).source == "sheets/s10.tif"
    beyond = imagery.crop(*place(X + 200, Y - 50), **SIZE)
    assert isinstance(beyond, Rejection)
    assert beyond.measured == pytest.approx(0.5, abs=0.02)
    assert imagery.crop(0.0, 0.0, **SIZE).measured == 0.0


@pytest.mark.parametrize("kind", ["geojson", "json", "wkt", "box", "gpkg", "gpkg utm"])
def test_each_form_of_an_index_gives_the_same_crops(sheets, opened, place, kind):
    folder, rows = sheets((0, 0), (1, 0), (2, 0)), index_rows()
    if kind in ("geojson", "json"):
        path = write_geojson(folder / f"index.{kind}", rows)
    elif kind == "gpkg":
        path = write_gpkg(folder / "index.gpkg", rows)
    elif kind == "gpkg utm":
        flat = [
            (p, shapely.box(X + 100 * i, Y - 100, X + 100 * i + 100, Y))
            for i, (p, _) in enumerate(rows)
        ]
        path = write_gpkg(folder / "index.gpkg", flat, srs=32618)
    else:
        path = write_csv(folder / "index.csv", rows, kind=kind)
    imagery = opened(path)
    part = imagery.part_at(*place(X + 150, Y - 50), **SIZE)
    assert (part.source, part.captured) == ("s10.tif", "2023-04-15")
    seam = imagery.crop(*place(X + 200, Y - 50), **SIZE)
    assert set(np.unique(seam)) == {70, 100}
    assert imagery.rejected == ()


def test_dates_are_never_mixed_and_the_newest_gives_the_crop(sheets, opened, place):
    folder = sheets((0, 0), (1, 0))
    sheets((0, 0), (1, 0), (2, 0), folder="old")
    rows = [
        ({"file": "sheets/s00.tif", "captured": "2023-04-15"}, outline(0, 0)),
        ({"file": "sheets/s10.tif", "captured": "2023-05-01"}, outline(1, 0)),
        ({"file": "old/s20.tif", "captured": "2018-07-01"}, outline(2, 0)),
        ({"file": "old/s10.tif", "captured": "2018-07-01"}, outline(1, 0)),
    ]
    imagery = opened(write_geojson(folder.parent / "index.geojson", rows))
    inside = imagery.part_at(*place(X + 150, Y - 50), **SIZE)
    assert (inside.source, inside.captured) == ("sheets/s10.tif", "2023-05-01")
    seam = imagery.part_at(*place(X + 100, Y - 50), **SIZE)
    assert seam.reason == "imagery-of-several-dates"
    assert seam.measured == pytest.approx(0.5, abs=0.02)
    # Here the older date covers alone what the newer one does only in part.
    older = imagery.part_at(*place(X + 200, Y - 50), **SIZE)
    assert older.captured == "2018-07-01"
    assert imagery.described()[0]["captured"] == [
        "2018-07-01",
        "2023-04-15",
        "2023-05-01",
    ]


def test_sheets_of_two_systems_join_across_the_seam_of_their_zones(
    write_raster, opened, tmp_path
):
    lat, lon = 44.5, -72.0  # between zones 18 and 19
    home = LocalFrame(lat, lon)
    (tmp_path / "zones").mkdir()
    for zone, west, value in ((32618, -150.0, 60), (32619, 0.0, 180)):
        # Sheets that overlap by 30 m at the seam, cut along their own grid.
        corner_lat, corner_lon = home.to_degrees(west - 15.0, 100.0)
        x, y = transformer("EPSG:4326", f"EPSG:{zone}").transform(
            corner_lon, corner_lat
        )
        pixels = np.full((400, 330, 3), value, np.uint8)
        pixels[..., 1] = (np.arange(330) // 2)[None]
        write_raster(
            pixels,
            name=f"zones/{zone}.tif",
            crs=f"EPSG:{zone}",
            transform=from_origin(float(x), float(y), 0.5, 0.5),
        )
    imagery = opened(tmp_path / "zones")
    crop = imagery.crop(lat, lon, side_m=80.0, size_px=160)
    assert crop.shape == (160, 160, 3)
    assert set(np.unique(crop[..., 0])) == {60, 180}
    for reader, keep in (("32618", 60), ("32619", 180)):
        alone = opened(tmp_path / "zones" / f"{reader}.tif")
        view = alone.view(lat, lon, side_m=80.0, size_px=160)
        mine = crop[..., 0] == keep
        assert view.seen()[mine].all()
        assert np.array_equal(view.pixels()[mine], crop[mine])


def test_a_bounded_number_of_files_is_open(sheets, opened, place, monkeypatch):
    from dataset_tools.imagery import collection

    monkeypatch.setattr(collection, "MAX_OPEN", 3)
    imagery = opened(sheets(*((c, 0) for c in range(8))))
    for _ in range(2):
        for column in range(8):
            crop = imagery.crop(*place(X + 100 * column + 50, Y - 50), **SIZE)
            assert (crop == 40 + 30 * column).all()
            assert len(imagery.pool) <= 3


def test_broken_files_of_a_folder_are_counted(sheets, opened, place):
    folder = sheets((0, 0), (1, 0))
    (folder / "a.tif").write_bytes(b"II*\x00garbage")
    (folder / "b.tif").write_bytes(b"<VRTDataset/>")
    (folder / "readme.txt").write_text("no imagery")
    sheets((5, 5), crs=None)
    imagery = opened(folder)
    assert sorted(r.item for r in imagery.rejected) == [
        "sheets/a.tif",
        "sheets/b.tif",
        "sheets/s55.tif",
    ]
    assert {r.reason for r in imagery.rejected} == {"imagery-unreadable"}
    assert imagery.crop(*place(X + 50, Y - 50), **SIZE).shape == (80, 80, 3)
    assert imagery.described()[0]["files"] == 2


def test_a_file_cut_short_is_a_rejection_and_the_next_date_steps_in(
    sheets, opened, place, write_raster
):
    folder = sheets((0, 0))
    write_raster(np.full((200, 200, 3), 9, np.uint8), name="sheets/new.tif")
    new = folder / "new.tif"
    new.write_bytes(new.read_bytes()[:3000])
    rows = [
        ({"file": "s00.tif", "captured": "2018-04-15"}, outline(0, 0)),
        ({"file": "new.tif", "captured": "2023-04-15"}, outline(0, 0)),
    ]
    path = write_geojson(folder / "i.geojson", rows)
    assert opened(path).part_at(*place(X + 50, Y - 50), **SIZE).source == "s00.tif"
    alone = opened(write_geojson(folder / "i.geojson", rows[1:]))
    assert alone.covers(*place(X + 50, Y - 50), **SIZE).reason == "imagery-unreadable"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"file": "../x.tif"}, "file-outside-folder"),
        ({"file": "/etc/passwd"}, "file-outside-folder"),
        ({"file": "/vsicurl/http://127.0.0.1/a.tif"}, "file-outside-folder"),
        ({"file": "link.tif"}, "file-outside-folder"),
        ({"file": "none.tif"}, "file-missing"),
        ({"file": ""}, "no-file-name"),
        ({"file": 7}, "no-file-name"),
        ({"file": "s00.tif"}, "listed-twice"),
        ({"captured": "15.4.2023"}, "bad-date"),
    ],
)
def test_a_bad_row_of_an_index_is_counted(
    sheets, opened, tmp_path_factory, change, reason
):
    folder = sheets((0, 0), (1, 0))
    outside = tmp_path_factory.mktemp("outside") / "o.tif"
    outside.write_bytes((folder / "s00.tif").read_bytes())
    (folder / "link.tif").symlink_to(outside)
    row = {"file": "s10.tif", "captured": "2023-04-15"} | change
    rows = [({"file": "s00.tif"}, outline(0, 0)), (row, outline(1, 0))]
    imagery = opened(write_geojson(folder / "i.geojson", rows))
    assert [r.reason for r in imagery.rejected] == [reason]


@pytest.mark.parametrize(
    "shape",
    [
        None,
        shapely.Point(),
        shapely.box(690_000, 4_929_900, 690_100, 4_930_000),
        shapely.box(44.49, 172.6, 44.5, 172.7),
    ],
    ids=["none", "empty", "in metres", "latitude first"],
)
def test_a_footprint_that_is_none_is_counted(sheets, opened, shape):
    folder = sheets((0, 0), (1, 0))
    rows = [({"file": "s00.tif"}, outline(0, 0)), ({"file": "s10.tif"}, shape)]
    imagery = opened(write_geojson(folder / "i.geojson", rows))
    assert [r.reason for r in imagery.rejected] == ["bad-footprint"]


def test_an_index_with_latitude_first_is_told(sheets, opened):
    folder = sheets((0, 0))
    swapped = shapely.transform(outline(0, 0), lambda at: at[:, ::-1])
    path = write_geojson(folder / "i.geojson", [({"file": "s00.tif"}, swapped)])
    with pytest.raises(UnreadableError, match="look swapped"):
        opened(path)
    far = shapely.transform(outline(0, 0), lambda at: at + np.array([1.0, 0.0]))
    path = write_geojson(folder / "i.geojson", [({"file": "s00.tif"}, far)])
    with pytest.raises(UnreadableError, match="the file itself lies at"):
        opened(path)


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("i.geojson", b"{", "cannot be read as an index"),
        ("i.geojson", b"[1]", "is no index"),
        (
            "i.geojson",
            b'{"type": "FeatureCollection", "features": []}',
            "None of the 0",
        ),
        ("i.gpkg", b"no database", "is no SQLite file"),
        ("i.gpkg", b"SQLite format 3\x00" + bytes(2000), "cannot be read as an index"),
        ("i.csv", b"file,footprint\ns00.tif,POLYGON((\n", "bad-footprint"),
        ("i.shp", b"", "ogr2ogr i.gpkg i.shp"),
    ],
)
def test_an_index_that_is_none_is_one_clear_sentence(
    sheets, opened, name, content, match
):
    path = sheets((0, 0)) / name
    path.write_bytes(content)
    with pytest.raises(UnreadableError, match=match):
        opened(path)


def test_files_without_a_system_take_the_stated_one(sheets, opened, place):
    folder = sheets((0, 0), crs=None)
    with pytest.raises(UnreadableError, match="None of the 1 files"):
        opened(folder)
    crop = opened(folder, crs="EPSG:32618").crop(*place(X + 50, Y - 50), **SIZE)
    assert (crop == 40).all()


def test_all_files_share_one_scale_into_eight_bits(
    sheets, opened, place, write_raster, tmp_path
):
    (tmp_path / "deep").mkdir()
    ramp = np.linspace(100, 4000, 200).astype(np.uint16)
    for column, factor in ((0, 1), (1, 2)):
        write_raster(
            np.repeat(np.tile(ramp * factor, (200, 1))[..., None], 3, 2),
            name=f"deep/{column}.tif",
            transform=from_origin(X + 100 * column, Y, 0.5, 0.5),
        )
    imagery = opened(tmp_path / "deep")
    low, high = imagery.described()[0]["black_and_white"]
    assert low < 300
    assert 7000 < high <= 8000
    for column, factor in ((0, 1), (1, 2)):
        crop = imagery.crop(*place(X + 100 * column + 50, Y - 50), **SIZE)
        middle = factor * float(ramp[100])
        assert crop[40, 40, 0] == pytest.approx(
            (middle - low) / (high - low) * 255, abs=2
        )
    told = opened(tmp_path / "deep", values=(0.0, 10_000.0))
    assert told.described()[0]["black_and_white"] == [0.0, 10_000.0]


def test_terms_of_the_index_are_those_of_its_tiles(sheets, opened, place):
    folder = sheets((0, 0), (1, 0))
    rows = [
        ({"file": "s00.tif", "licence": "ODbL-1.0", "season": "summer"}, outline(0, 0)),
        ({"file": "s10.tif", "attribution": "The East"}, outline(1, 0)),
    ]
    imagery = opened(write_geojson(folder / "i.geojson", rows), licence="CC0-1.0")
    assert imagery.part_at(*place(X + 50, Y - 50), **SIZE).licence == "ODbL-1.0"
    assert imagery.part_at(*place(X + 50, Y - 50), **SIZE).season == "summer"
    assert [(a.licence, a.attribution) for _, a in imagery.rights] == [
        ("CC0-1.0", "The East"),
        ("ODbL-1.0", ""),
    ]


def test_a_collection_over_the_antimeridian_is_one_place(
    write_raster, opened, tmp_path
):
    (tmp_path / "far").mkdir()
    step = 0.5 / 111_320
    for name, lon, value in (("w", 180 - 200 * step, 50), ("e", -180.0, 150)):
        write_raster(
            np.full((200, 200, 3), value, np.uint8),
            name=f"far/{name}.tif",
            crs="EPSG:4326",
            transform=from_origin(lon, 100 * step, step, step),
        )
    imagery = opened(tmp_path / "far")
    crop = imagery.crop(0.0, 180.0, **SIZE)
    assert (crop[:, :38] == 50).all()
    assert (crop[:, 42:] == 150).all()
    assert np.array_equal(crop, imagery.crop(0.0, -180.0, **SIZE))
    west, _, east, _ = imagery.bounds
    assert west > 179.9
    assert east < -179.9


def test_bands_that_no_file_has_are_a_wrong_usage(sheets, opened, place):
    folder = sheets((0, 0))
    with pytest.raises(UsageError, match="has 3"):
        opened(folder, bands=(1, 2, 7))


def test_a_file_without_a_place_in_its_index_is_broken_when_it_is_needed(
    sheets, opened, place
):
    folder = sheets((0, 0))
    sheets((1, 0), crs=None)
    rows = [({"file": f"s{c}0.tif"}, outline(c, 0)) for c in (0, 1)]
    imagery = opened(write_geojson(folder / "i.geojson", rows))
    fault = imagery.covers(*place(X + 150, Y - 50), **SIZE)
    assert fault.reason == "imagery-unreadable"
    assert "no coordinate reference system" in fault.measured
