import csv
import importlib
import json
from dataclasses import replace

import duckdb
import geopandas
import mlcroissant
import pyogrio
import pytest
from click.testing import CliRunner
from made_pack import contents, frame, make
from pyproj import Geod

from dataset_tools.errors import MissingDataError, UsageError
from dataset_tools.pack.check import check_pack
from dataset_tools.pack.export import geopackage
from dataset_tools.pack.export.write import export
from dataset_tools.pack.format import file_record
from dataset_tools.pack.licences import forbidding
from dataset_tools.pack.read import Pack
from dataset_tools.settings.export import ExportSettings
from geobench.cli.main import cli


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return make(tmp_path_factory.mktemp("export"))


def write(path, out, **settings):
    return export(path, out, ExportSettings(**settings))


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("frames", {"Point"}),
        ("tiles", {"Polygon"}),
        ("sequences", {"LineString", "Point"}),
    ],
)
def test_geopandas_opens_the_tables_in_their_place(path, name, kinds):
    table = geopandas.read_parquet(path / f"{name}.parquet")
    assert table.crs.to_epsg() == 4326
    assert set(table.geom_type) == kinds
    if name != "sequences":
        centre = table.geometry.to_crs(32618).centroid.to_crs(4326)
        away = Geod(ellps="WGS84").inv(centre.x, centre.y, table.lon, table.lat)[2]
        assert max(away) < 0.01


def test_geopandas_reads_by_the_covering_box(path):
    box = (-72.51, 44.505, -72.49, 44.51)
    table = geopandas.read_parquet(path / "frames.parquet", bbox=box)
    assert sorted(table["frame_id"]) == ["s900/000", "s900/001", "s900/002"]


def test_duckdb_reads_tables_by_box_and_joins_them(path):
    frames, splits = path / "frames.parquet", path / "splits.parquet"
    near = duckdb.sql(f"SELECT count(*) FROM '{frames}' WHERE bbox.ymin > 44.505")
    assert near.fetchall() == [(3,)]
    sequences = path / "sequences.parquet"
    rows = duckdb.sql(
        f"SELECT s.sequence_id, len(s.frame_ids), s.offsets[1].north_m "
        f"FROM '{sequences}' s JOIN '{splits}' p ON p.id = s.sequence_id "
        "WHERE p.split = 'train' AND p.kind = 'sequence' ORDER BY 1"
    ).fetchall()
    assert [r[:2] for r in rows] == [("q/near", 3), ("q/one", 1)]
    assert rows[0][2] == pytest.approx(3.0, abs=0.01)


def test_a_geopackage_has_all_tables_and_says_whose_it_is(path, tmp_path):
    out, warnings = write(path, tmp_path / "made.gpkg")
    assert warnings == []
    layers = dict(pyogrio.list_layers(out))
    assert layers["frames"] == "Point"
    assert layers["tiles"] == "Polygon"
    assert set(layers) == {"frames", "tiles", "sequences", "splits", "about"}
    sequences = geopandas.read_file(out, layer="sequences")
    assert sequences.crs.to_epsg() == 4326
    row = sequences.set_index("sequence_id").loc["q/near"]
    assert json.loads(row["frame_ids"]) == ["s0/000", "s0/001", "s0/002"]
    assert json.loads(row["offsets"])[0]["tile_id"] == "t/near"
    assert row["split_area"] == "train"
    frames = geopandas.read_file(out, layer="frames")
    assert frames["time"].dt.tz is not None
    about = pyogrio.read_dataframe(out, layer="about").set_index("key")["value"]
    assert json.loads(about["licences"])[0]["licence"] == "CC0-1.0"
    with Pack.open(path) as pack:
        assert about["content_sha256"] == pack.content_sha256
    assert [p.name for p in tmp_path.iterdir()] == ["made.gpkg"]


def test_without_geopandas_the_error_says_what_to_install(path, tmp_path, monkeypatch):
    real = importlib.import_module

    def absent(name, *rest):
        if name == "geopandas":
            raise ImportError(name=name)
        return real(name, *rest)

    monkeypatch.setattr(geopackage, "import_module", absent)
    with pytest.raises(MissingDataError, match=r"pip install .*\[export\]"):
        write(path, tmp_path / "made.gpkg")
    assert list(tmp_path.iterdir()) == []


def test_geojson_has_longitude_first_and_lists_as_lists(path, tmp_path):
    write(path, tmp_path / "out", format="geojson")
    text = (tmp_path / "out" / "sequences.geojson").read_text()
    features = json.loads(text)["features"]
    first = features[1]
    assert first["properties"]["sequence_id"] == "q/near"
    assert first["properties"]["frame_ids"] == ["s0/000", "s0/001", "s0/002"]
    lon, lat = first["geometry"]["coordinates"][0]
    assert (round(lon, 3), round(lat, 3)) == (-72.5, 44.5)
    assert geopandas.read_file(tmp_path / "out" / "tiles.geojson").shape[0] == 3


def test_csv_keeps_nanoseconds_and_no_spreadsheet_runs_a_cell(tmp_path):
    evil = replace(frame(3), frame_id="=cmd|'/c calc'!A1", source=None)
    frames = [*contents().frames[:3], evil, *contents().frames[4:]]
    path = make(tmp_path, frames=frames)
    write(path, tmp_path / "out", format="csv")
    with (tmp_path / "out" / "frames.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["frame_id"] == "'=cmd|'/c calc'!A1"
    assert rows[0]["shard"] == ""
    assert rows[1]["time"].startswith("2023-11-14T22:13:20.000000001")
    assert rows[1]["geometry"].startswith("POINT (-72.5")
    about = json.loads((tmp_path / "out" / "about.json").read_text())
    assert about["licences"][0]["source"] == "ortho.tif"


def test_unknown_positions_are_empty_in_every_format(tmp_path):
    nowhere = {"lat": float("nan"), "lon": float("nan")}
    given = contents()
    queries = [replace(s, **nowhere, offsets=()) for s in given.sequences]
    frames = [replace(f, **nowhere) for f in given.frames]
    path = make(tmp_path, frames=frames, sequences=queries)
    write(path, tmp_path / "a.gpkg")
    write(path, tmp_path / "a", format="csv")
    write(path, tmp_path / "b", format="geojson")
    text = (tmp_path / "b" / "frames.geojson").read_text()
    assert json.loads(text)["features"][0]["geometry"] is None
    assert geopandas.read_file(tmp_path / "a.gpkg", layer="frames").geometry[0] is None


@pytest.fixture(scope="module")
def described(path):
    out, _ = write(
        path,
        None,
        url="https://example.org/made",
        creator="Agency of Transportation",
        cite_as="@misc{made}",
        published="2026-05-31",
    )
    return out


def test_mlcroissant_finds_no_fault_and_reads_every_table(path, described):
    data = mlcroissant.Dataset(str(described))
    assert data.metadata.ctx.issues.errors == set()
    assert data.metadata.ctx.issues.warnings == set()
    frames = list(data.records("frames"))
    assert len(frames) == 7
    assert frames[0]["frames/frame_id"] == b"s0/000"
    assert frames[0]["frames/lat"] == pytest.approx(44.5)
    sequences = {r["sequences/sequence_id"]: r for r in data.records("sequences")}
    assert list(sequences[b"q/one"]["sequences/positives"]) == [b"t/near"]
    assert len(list(data.records("tiles"))) == 3
    assert len(list(data.records("splits"))) == 7
    assert check_pack(path) == []


def test_the_description_says_where_when_and_how_fine(path, described):
    said = json.loads(described.read_text())
    assert said["conformsTo"] == [
        "http://mlcommons.org/croissant/1.1",
        "http://mlcommons.org/croissant/geo/1.0",
    ]
    assert said["geocr:coordinateReferenceSystem"] == "EPSG:4326"
    south, west, north, east = map(float, said["spatialCoverage"]["geo"]["box"].split())
    assert 44.499 < south < 44.501 < 44.507 < north < 44.509
    assert west < east < -72.49
    assert said["temporalCoverage"] == "2023-05-31/2023-11-14"
    assert said["geocr:spatialResolution"]["value"] == 5.0
    assert said["license"] == ["https://spdx.org/licenses/CC0-1.0"]
    files = {f["name"]: f for f in said["distribution"]}
    record = file_record(path / "images-00000.h5")
    assert files["images-00000.h5"]["sha256"] == record["sha256"]
    assert files["images-00000.h5"]["contentUrl"] == "images-00000.h5"


def test_files_are_named_from_where_the_description_lies(path, tmp_path):
    out, _ = write(path, tmp_path / "d" / "made.json")
    url = json.loads(out.read_text())["distribution"][0]["contentUrl"]
    assert (out.parent / url).is_file()
    out, _ = write(path, tmp_path / "e.json", base_url="https://example.org/p")
    url = json.loads(out.read_text())["distribution"][0]["contentUrl"]
    assert url == "https://example.org/p/frames.parquet"


def test_a_private_pack_is_exported_only_on_purpose(tmp_path):
    path = make(tmp_path, private=True)
    with pytest.raises(UsageError, match=r"is private: .* --despite-private"):
        write(path, tmp_path / "out", format="csv")
    write(path, tmp_path / "out", format="csv", despite_private=True)
    assert json.loads((tmp_path / "out" / "about.json").read_text())["private"] is True


@pytest.mark.parametrize(
    ("text", "forbids"),
    [
        ("CC-BY-4.0", False),
        ("dl-de/by-2-0; BSD-2-Clause", False),
        ("free to use, share and redistribute", False),
        ("All rights reserved", True),
        ("research only, not to be redistributed (CVACT)", True),
        ("No redistribution", True),
        ("You may not share the pictures", True),
        ("proprietary", True),
    ],
)
def test_licences_that_forbid_passing_on_are_known_by_their_words(text, forbids):
    assert bool(forbidding([{"licence": text}])) is forbids


def test_a_forbidding_licence_is_told(tmp_path):
    rights = [{"source": "ortho.tif", "licence": "proprietary", "attribution": ""}]
    path = make(tmp_path, licences=rights)
    _, warnings = write(path, tmp_path / "out", format="csv")
    assert "'proprietary' seems to forbid" in warnings[0]


def test_usage_that_makes_no_sense_is_refused(path, tmp_path):
    with pytest.raises(UsageError, match="tells no format"):
        write(path, tmp_path / "made.shp")
    with pytest.raises(UsageError, match="would lie in the pack itself"):
        write(path, path / "made.gpkg")
    (tmp_path / "made.gpkg").write_text("mine")
    with pytest.raises(UsageError, match="--overwrite"):
        write(path, tmp_path / "made.gpkg")
    assert (tmp_path / "made.gpkg").read_text() == "mine"


def test_the_command_writes_and_bad_dates_are_usage(path, tmp_path):
    words = ["data", "export", str(path), str(tmp_path / "a.gpkg")]
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 0, done.output
    assert "Wrote" in done.stdout
    bad = CliRunner().invoke(cli, [*words, "--published", "yesterday"])
    assert bad.exit_code == 2
    assert "--published" in bad.output
