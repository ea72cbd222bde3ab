import numpy as np
import pytest

from dataset_tools.errors import MissingDataError, UnreadableError, UsageError
from dataset_tools.imagery.source import bounds_around
from dataset_tools.imagery.sources import open_sources, read_sources
from dataset_tools.records import Rejection
from dataset_tools.settings.tile import ImagerySettings

YAML = """
sources:
  - path: north.tif
    licence: CC0-1.0
    attribution: The North
    captured: 2023-04-20
    season: leaf-off
  - path: south.tif
    licence: ODbL-1.0
    crs: EPSG:32618
"""
CSV = """\ufeffpath,licence,attribution,captured,season,crs
north.tif,CC0-1.0,The North,2023-04-20,leaf-off,
south.tif,ODbL-1.0,,,,EPSG:32618
"""


@pytest.fixture
def two(write_raster, tmp_path):
    """Two flat rasters, the second 150 m south of the first and without a system."""
    from rasterio.transform import from_origin

    for name, value, north, crs in (
        ("north.tif", 50, 4_930_000.0, "EPSG:32618"),
        ("south.tif", 150, 4_929_850.0, None),
    ):
        pixels = np.full((300, 400, 3), value, np.uint8)
        transform = from_origin(690_000.0, north, 0.5, 0.5)
        write_raster(pixels, name=name, crs=crs, transform=transform)
    return tmp_path


def settings(folder, text, suffix="yaml", **others):
    path = folder / f"sources.{suffix}"
    path.write_text(text, encoding="utf-8")
    return ImagerySettings(licence="CC-BY-4.0", imagery_sources=path, **others)


@pytest.mark.parametrize(("text", "suffix"), [(YAML, "yaml"), (CSV, "csv")])
def test_each_source_keeps_its_own_terms_and_date(two, place, text, suffix):
    with open_sources(settings(two, text, suffix)) as imagery:
        assert [(n, a.licence) for n, a in imagery.rights] == [
            ("north.tif", "CC0-1.0"),
            ("south.tif", "ODbL-1.0"),
        ]
        size = {"side_m": 40.0, "size_px": 80}
        north = imagery.part_at(*place(690_100.0, 4_929_900.0), **size)
        south = imagery.part_at(*place(690_100.0, 4_929_800.0), **size)
        assert (north.captured, north.season) == ("2023-04-20", "leaf-off")
        assert (south.captured, south.licence) == (None, "ODbL-1.0")
        crop = imagery.crop(*place(690_100.0, 4_929_800.0), **size)
        assert (crop == 150).all()


def test_sources_of_options_come_first(two):
    with open_sources(settings(two, YAML, imagery=(two / "north.tif",))) as imagery:
        assert [(n, a.licence) for n, a in imagery.rights] == [
            ("north.tif", "CC-BY-4.0"),
            ("north.tif", "CC0-1.0"),
            ("south.tif", "ODbL-1.0"),
        ]
        assert imagery.licence == "CC-BY-4.0"


def test_bounds_of_several_sources_reach_over_the_antimeridian():
    east = bounds_around([(179.0, 0.0, -179.5, 1.0), (-179.6, 0.5, -179.0, 2.0)])
    assert east == (179.0, 0.0, -179.0, 2.0)
    assert bounds_around([(1.0, 2.0, 3.0, 4.0)]) == (1.0, 2.0, 3.0, 4.0)
    assert bounds_around([(5.0, 2.0, 6.0, 4.0), (1.0, 3.0, 3.0, 7.0)]) == (
        1.0,
        2.0,
        6.0,
        7.0,
    )


def test_a_crop_over_two_sources_is_refused_and_not_mixed(two, place):
    with open_sources(settings(two, YAML)) as imagery:
        at = place(690_100.0, 4_929_850.0)
        seam = imagery.part_at(*at, side_m=40.0, size_px=80)
        assert isinstance(seam, Rejection)
        assert seam.measured == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("sources: []", "lists no source"),
        ("sources:\n  - path: north.tif", "licence: field required"),
        ("sources:\n  - path: north.tif\n    licence: ''", "licence"),
        ("sources:\n  - licence: CC0-1.0", "path: field required"),
        (YAML.replace("season", "saison"), "saison: extra inputs"),
        ("sources:\n  - north.tif", "is no list of sources"),
        ("sources: {", "cannot be read as a list of sources"),
        ("!!python/object/apply:os.getcwd []", "cannot be read as a list"),
        (YAML.replace("north.tif", "../north.tif"), "not in its folder"),
        (YAML.replace("north.tif", "/etc/passwd"), "not in its folder"),
        (YAML.replace("north.tif", "C:/north.tif"), "not in its folder"),
        (YAML.replace("north.tif", "/vsicurl/http://a.org/b.tif"), "not in its folder"),
    ],
)
def test_a_bad_list_is_one_clear_sentence(two, text, match):
    with pytest.raises(UnreadableError, match=match), open_sources(settings(two, text)):
        pass


def test_a_link_out_of_the_folder_is_refused(two, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "a.tif"
    outside.write_bytes((two / "north.tif").read_bytes())
    (two / "north.tif").unlink()
    (two / "north.tif").symlink_to(outside)
    with (
        pytest.raises(UnreadableError, match="not in its folder"),
        open_sources(settings(two, YAML)),
    ):
        pass


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ("2023-04", "a date as 2023-05-31"),
        ("spring", "a date as 2023-05-31"),
        ("2023-02-31", "a date as 2023-05-31"),
    ],
)
def test_a_date_that_is_none_is_refused_before_any_work(two, change, match):
    text = YAML.replace("2023-04-20", f"'{change}'")
    with pytest.raises(UsageError, match=match), open_sources(settings(two, text)):
        pass


def test_half_a_scale_is_refused(two):
    given = settings(two, YAML, imagery=(two / "north.tif",), imagery_low=3.0)
    with pytest.raises(UsageError, match="low value below a high"), open_sources(given):
        pass


def test_no_imagery_or_a_list_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ValueError, match="give imagery"):
        ImagerySettings(licence="CC0-1.0")
    with pytest.raises(MissingDataError, match=r"none\.yaml"):
        read_sources(tmp_path / "none.yaml")


def test_every_key_of_a_source_is_read(tmp_path):
    yaml = tmp_path / "s.yaml"
    yaml.write_text(
        "sources:\n"
        "  - {path: [r.tif, g.tif, b.tif], licence: A, crs: 'EPSG:32618', low: 0, "
        "high: 4095}\n"
        "  - {path: tiles, licence: B, layout: '{z}/{x}/{-y}'}\n"
        "  - {path: a.tif, licence: C, bands: [4, 1, 2], season: spring}\n"
    )
    table = tmp_path / "s.csv"
    table.write_text(
        "path,licence,crs,low,high,layout,bands,season\n"
        "r.tif;g.tif;b.tif,A,EPSG:32618,0,4095,,,\n"
        "tiles,B,,,,{z}/{x}/{-y},,\n"
        "a.tif,C,,,,,4;1;2,spring\n"
    )
    one, other = read_sources(yaml), read_sources(table)
    assert one == other
    assert one[0].path == ("r.tif", "g.tif", "b.tif")
    assert (one[0].low, one[0].high, one[1].layout) == (0.0, 4095.0, "{z}/{x}/{-y}")
    assert one[2].bands == (4, 1, 2)


def test_an_option_for_several_sources_is_used_where_it_can_be(two, place):
    import json

    from PIL import Image

    Image.new("RGB", (64, 64), (9, 9, 9)).save(two / "a.png")
    lat, lon = place(690_500.0, 4_929_900.0)
    entry = {"file": "a.png", "lat": lat, "lon": lon, "side_m": 64}
    (two / "t.json").write_text(json.dumps([entry]))
    given = {"licence": "CC0-1.0", "imagery_crs": "EPSG:32618"}
    both = (two / "south.tif", two / "t.json")
    size = {"side_m": 40.0, "size_px": 40}
    with open_sources(ImagerySettings(imagery=both, **given)) as imagery:
        assert (imagery.crop(*place(690_100.0, 4_929_775.0), **size) == 150).all()
        assert (imagery.crop(lat, lon, **size) == 9).all()
    alone = ImagerySettings(imagery=both[1:], **given)
    with (
        pytest.raises(UsageError, match="tile list, for which 'crs'"),
        open_sources(alone),
    ):
        pass
