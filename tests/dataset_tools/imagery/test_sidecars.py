import json

import numpy as np
import pytest
import rasterio

from dataset_tools.errors import UnreadableError
from dataset_tools.imagery.sidecars import day

MIDDLE = (690_100.0, 4_929_925.0)
WORLD = "0.5\n0\n0\n-0.5\n690000.25\n4929999.75\n"


@pytest.fixture
def picture(write_raster, ramp):
    """A PNG without any place."""

    def make(name="a.png", driver="PNG"):
        return write_raster(ramp, driver=driver, name=name, crs=None, transform=None)

    return make


@pytest.mark.parametrize(
    "world", ["a.pgw", "a.pngw", "a.wld", "a.PGW", "a.WLD"], ids=lambda w: w
)
def test_each_name_of_a_world_file_is_found(picture, opened, place, tmp_path, world):
    (tmp_path / world).write_text(WORLD)
    crop = opened(picture(), crs="EPSG:32618").crop(
        *place(*MIDDLE), side_m=40, size_px=80
    )
    # The middle lies between the columns 199 and 200: red is half the column.
    assert crop[40, 39:41, 0].tolist() == pytest.approx([99, 100], abs=1)


@pytest.mark.parametrize(
    "text", ["0,5\n0\n0\n-0,5\n690000,25\n4929999,75\n", "1\n2\n3\n", "", "nan " * 6]
)
def test_a_world_file_without_six_numbers_is_told(picture, opened, tmp_path, text):
    (tmp_path / "a.pgw").write_text(text)
    with pytest.raises(UnreadableError, match="is no world file: expected six numbers"):
        opened(picture(), crs="EPSG:32618")


def test_a_prj_or_an_aux_file_states_the_system(picture, opened, tmp_path):
    path = picture()
    (tmp_path / "a.pgw").write_text(WORLD)
    wkt = rasterio.crs.CRS.from_epsg(32618).to_wkt()
    with pytest.raises(UnreadableError, match="--imagery-crs"):
        opened(path)
    (tmp_path / "a.prj").write_text(wkt)
    assert opened(path).m_per_px_at(44.5, -72.6) == pytest.approx(0.5, rel=1e-3)
    (tmp_path / "a.prj").unlink()
    aux = tmp_path / "a.png.aux.xml"
    aux.write_text(f"<PAMDataset><SRS>{wkt}</SRS></PAMDataset>")
    assert opened(path).m_per_px_at(44.5, -72.6) == pytest.approx(0.5, rel=1e-3)


@pytest.mark.parametrize(
    ("name", "text", "match"),
    [
        ("a.prj", "/etc/hostname", "no known coordinate reference system"),
        ("a.png.aux.xml", "<PAM", "cannot be read"),
        (
            "a.png.aux.xml",
            '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]>'
            "<PAMDataset><SRS>&b;</SRS></PAMDataset>",
            "cannot be read",
        ),
        ("a.json", "{", "cannot be read as JSON"),
    ],
)
def test_a_broken_file_beside_it_is_one_clear_sentence(
    picture, opened, tmp_path, name, text, match
):
    path = picture()
    (tmp_path / "a.pgw").write_text(WORLD)
    (tmp_path / name).write_text(text)
    told = {"crs": "EPSG:32618"} if name == "a.json" else {}
    with pytest.raises(UnreadableError, match=match):
        opened(path, **told)


@pytest.mark.parametrize(
    "content",
    [
        {"captured": "2023-04-15", "season": "leaf-off", "attribution": "VCGI"},
        {
            "type": "Feature",
            "properties": {
                "datetime": "2023-04-15T16:00:00Z",
                "season": "leaf-off",
                "attribution": "VCGI",
            },
        },
    ],
    ids=["flat", "STAC item"],
)
def test_a_sidecar_tells_date_season_and_whom_to_credit(
    write_raster, ramp, opened, tmp_path, content
):
    tags = {"TIFFTAG_DATETIME": "2024:01:02 12:00:00"}
    path = write_raster(ramp, tags=tags)
    (tmp_path / "ortho.json").write_text(json.dumps(content))
    about = opened(path).about
    assert (about.captured, about.season) == ("2023-04-15", "leaf-off")
    assert about.attribution == "VCGI"
    assert opened(path, captured="2020-05-06").captured == "2020-05-06"


def test_a_name_of_naip_tells_the_date_and_others_do_not(write_raster, ramp, opened):
    name = "m_4207245_ne_18_060_20180615.tif"
    assert opened(write_raster(ramp, name=name)).captured == "2018-06-15"
    assert opened(write_raster(ramp, name="ortho_20180615.tif")).captured is None


def test_a_tag_that_is_no_date_is_unknown(write_raster, ramp, opened):
    tags = {"TIFFTAG_DATETIME": "0000:00:00 00:00:00"}
    assert opened(write_raster(ramp, tags=tags)).captured is None


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("2023-04-15", "2023-04-15"),
        ("2023/04/15", "2023-04-15"),
        ("20230415", "2023-04-15"),
        ("2023-04-15T10:00:00Z", "2023-04-15"),
        ("2023-13-15", None),
        ("202304151", None),
        ("2023-04", None),
        ("15.04.2023", None),
        ("", None),
    ],
)
def test_only_whole_dates_with_the_year_first_are_dates(text, date):
    assert day(text) == date


def test_coordinates_in_another_order_lie_nowhere(write_raster, ramp, opened, place):
    from rasterio.transform import from_origin

    path = write_raster(
        np.copy(ramp), transform=from_origin(4_930_000_000.0, 690_000.0, 0.5, 0.5)
    )
    with pytest.raises(UnreadableError, match="lies nowhere on Earth"):
        opened(path)


@pytest.mark.parametrize(
    ("crs", "doubted"), [("EPSG:26918", False), ("EPSG:26718", True)]
)
def test_a_system_whose_shift_grid_is_missing_is_doubted(
    write_raster, ramp, opened, crs, doubted
):
    from pyproj.transformer import TransformerGroup

    has_grids = TransformerGroup("EPSG:4326", crs).best_available
    doubts = opened(write_raster(ramp, crs=crs)).doubts
    assert bool(doubts) == (doubted and not has_grids)
    assert all("m off. Fetch the grid with projsync" in text for text in doubts)
