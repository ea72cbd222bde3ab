import shutil

import numpy as np
import pytest
from released import VIGOR_AT, put, vigor, vigor_city

from dataset_tools.errors import MissingDataError, UnreadableError
from dataset_tools.originals.importing import import_release, survey_release
from dataset_tools.originals.vigor_lists import M_PER_PX, read_labels, read_tiles
from dataset_tools.pack.check import check_pack
from dataset_tools.pack.read import Pack
from dataset_tools.settings.original import VigorSettings

CHICAGO = ("Chicago",)


def survey(root, **given):
    return survey_release("vigor", root, VigorSettings(out=root / "x.pack", **given))


def imported(root, out, **given):
    settings = VigorSettings(out=out, no_area_split=True, **given)
    return import_release("vigor", root, settings)


@pytest.fixture
def chicago(tmp_path):
    return vigor(tmp_path / "VIGOR", CHICAGO)


def test_the_first_tile_is_the_positive_and_offsets_are_metres_to_its_centre(chicago):
    """Offsets of both label sets are those the layout was made from, in metres."""
    _, rows = vigor_city("Chicago")
    for labels in ("original", "corrected"):
        out = chicago.parent / f"{labels}.pack"
        made = imported(chicago, out, labels=labels, cities=CHICAGO)
        with Pack.open(made.path) as pack:
            for name, groups in rows:
                row = pack.sequences.loc[f"Chicago/{name.partition(',')[0]}"]
                tiles = [f"Chicago/{t.removesuffix('.png')}" for t, _, _ in groups]
                assert list(row["positives"]) == tiles[:1]
                assert list(row["semi_positives"]) == tiles[1:]
                for offset, tile, (_, north, east) in zip(
                    row["offsets"], tiles, groups, strict=True
                ):
                    assert offset["tile_id"] == tile
                    # Labels are whole pixels of about 0.11 m.
                    assert offset["north_m"] == pytest.approx(north, abs=0.06)
                    assert offset["east_m"] == pytest.approx(east, abs=0.06)
        findings = check_pack(made.path)
        assert [f for f in findings if f.severity == "error"] == []


def test_a_panorama_south_west_of_its_tile_has_a_positive_offset(chicago):
    """At 1.7, 0.6 steps the positive is the tile at 2, 1: north and east of it."""
    out = chicago.parent / "x.pack"
    with Pack.open(imported(chicago, out, cities=CHICAGO).path) as pack:
        assert VIGOR_AT[3] == (1.7, 0.6)
        offset = pack.sequences.loc["Chicago/-_Chic3", "offsets"][0]
    assert offset["north_m"] == pytest.approx(0.3 * 36.48, abs=0.2)
    assert offset["east_m"] == pytest.approx(0.4 * 36.48, abs=0.2)


def test_every_tile_of_the_list_is_searched_in_both_published_schemes(tmp_path):
    root = vigor(tmp_path / "VIGOR", labels=("original",))
    report = imported(root, tmp_path / "x.pack")
    assert report.counts["tiles"] == 36
    with Pack.open(report.path) as pack:
        positives = {p for s in pack.sequences["positives"] for p in s}
        assert len(positives) < 36
        for scheme, split, queries, tiles in (
            ("same-area", "train", 12, 36),
            ("same-area", "test", 4, 36),
            ("cross-area", "train", 8, 18),
            ("cross-area", "test", 8, 18),
        ):
            assert len(pack.split_ids(scheme, split, "sequence")) == queries
            assert len(pack.split_ids(scheme, split, "tile")) == tiles
        crossed = pack.split_ids("cross-area", "test", "sequence")
        assert {c.partition("/")[0] for c in crossed} == {"Chicago", "SanFrancisco"}
        assert pack.tiles["m_per_px"].nunique() == 4


def test_a_tile_has_its_citys_pixel_in_both_label_sets(chicago):
    """640 px of 0.111262 m are 71.2 m, shown here by 16 px."""
    for labels in ("original", "corrected"):
        out = chicago.parent / f"{labels}.pack"
        made = imported(chicago, out, labels=labels, cities=CHICAGO)
        with Pack.open(made.path) as pack:
            sides = pack.tiles["m_per_px"] * pack.tiles["width_px"]
            assert sides.to_numpy() == pytest.approx(71.208, abs=0.001)


def test_fewer_cities_have_another_pack_name_and_no_cross_area(tmp_path):
    root = vigor(tmp_path / "VIGOR", ("Chicago", "Seattle"), labels=("original",))
    with pytest.raises(MissingDataError, match=r"no folder NewYork.*--cities"):
        survey(root)
    cities = ("Chicago", "Seattle")
    with Pack.open(imported(root, tmp_path / "x.pack", cities=cities).path) as pack:
        assert pack.name == "vigor-Chicago-Seattle"
        assert set(pack.splits["scheme"]) == {"same-area", "cross-area"}
    one = imported(root, tmp_path / "y.pack", cities=("Chicago",))
    with Pack.open(one.path) as pack:
        assert set(pack.splits["scheme"]) == {"same-area"}


def test_the_other_layout_of_pictures_is_read(chicago):
    plain = survey(chicago, cities=CHICAGO)
    for view, folder in (("panorama", "ground"), ("satellite", "satellite")):
        (chicago / folder).mkdir()
        (chicago / "Chicago" / view).rename(chicago / folder / "Chicago")
    (chicago / "Chicago").rmdir()
    found = survey(chicago, cities=CHICAGO)
    assert found.missing == plain.missing == []
    assert set(found.folders) == {"ground/Chicago", "satellite/Chicago"}


def test_corrected_labels_are_read_under_their_other_name(chicago):
    folder = chicago / "splits__corrected"
    for path in sorted((folder / "Chicago").glob("*__corrected.txt")):
        path.rename(path.with_name(path.name.replace("__corrected", "")))
    folder.rename(chicago / "splits_new")
    found = survey(chicago, labels="corrected", cities=CHICAGO)
    assert found.variant == "corrected labels in splits_new/"


def test_labels_of_the_other_set_are_told_by_their_pixel(chicago):
    """Chicago's pixels differ by 2.5 %: 0.114 and 0.111262."""
    shutil.rmtree(chicago / "splits")
    shutil.copytree(chicago / "splits__corrected", chicago / "splits")
    for path in (chicago / "splits/Chicago").glob("*__corrected.txt"):
        path.rename(path.with_name(path.name.replace("__corrected", "")))
    with pytest.raises(UnreadableError, match=r"count 0\.111\d: these are the other"):
        survey(chicago, cities=CHICAGO)


def test_labels_of_neither_set_are_refused(chicago):
    path = chicago / "splits/Chicago/pano_label_balanced.txt"
    words = [
        w if "," in w or "sat" in w else f"{float(w) * 1.2:.1f}"
        for w in path.read_text().split(" ")
        if "\n" not in w
    ]
    lines = path.read_text().splitlines()
    put(
        path,
        "\n".join(
            " ".join(
                w if "," in w or "sat" in w else f"{float(w) * 1.2:.1f}"
                for w in line.split()
            )
            for line in lines
        ),
    )
    assert words
    with pytest.raises(UnreadableError, match="neither label set"):
        survey(chicago, cities=CHICAGO)


def test_missing_labels_name_the_set_that_is_there(chicago):
    shutil.rmtree(chicago / "splits")
    with pytest.raises(MissingDataError, match="--labels corrected"):
        survey(chicago, cities=CHICAGO)


def test_a_tile_without_picture_takes_its_positives_queries_along(chicago):
    labels = (chicago / "splits/Chicago/pano_label_balanced.txt").read_text()
    positive = labels.split()[1]
    (chicago / "Chicago/satellite" / positive).unlink()
    report = imported(
        chicago, chicago.parent / "x.pack", cities=CHICAGO, max_missing=0.9
    )
    tiles, panoramas = report.stages
    assert (tiles.given, tiles.rejected) == (9, {"missing-satellite": 1})
    # The first two panoramas share their positive; the others lose a semi-positive
    # at most.
    assert panoramas.rejected == {"positive-left-out": 2}
    with Pack.open(report.path) as pack:
        named = {t for s in pack.sequences["semi_positives"] for t in s}
        assert f"Chicago/{positive.removesuffix('.png')}" not in named


def test_a_limit_takes_the_first_of_each_city_and_the_tiles_they_name(chicago):
    out = chicago.parent / "x.pack"
    with Pack.open(imported(chicago, out, limit=1, cities=CHICAGO).path) as pack:
        assert pack.name == "vigor-Chicago-partial"
        assert len(pack.split_ids("same-area", "train", "sequence")) == 1
        assert len(pack.split_ids("same-area", "test", "sequence")) == 1
        assert len(pack.tiles) == 4


def _repeat_tile(line):
    words = line.split()
    words[4] = words[1]
    return " ".join(words)


def test_a_label_that_its_positions_contradict_is_measured_anew(chicago):
    """One delta is 20 px, 2.3 m, off: the query stays, and so does its unit."""
    folder = chicago / "splits/Chicago"
    for name in ("pano_label_balanced", "same_area_balanced_train"):
        path = folder / f"{name}.txt"
        words = path.read_text().split(" ")
        words[2] = f"{float(words[2]) + 20:.1f}"
        put(path, " ".join(words))
    report = imported(chicago, chicago.parent / "x.pack", cities=CHICAGO)
    assert any("1 labels of Chicago contradict" in w for w in report.warnings)
    _, rows = vigor_city("Chicago")
    with Pack.open(report.path) as pack:
        offset = pack.sequences.loc["Chicago/-_Chic0", "offsets"][0]
    assert offset["north_m"] == pytest.approx(rows[0][1][0][1], abs=0.15)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda line: line.rsplit(" ", 1)[0], "12 fields"),
        (
            lambda line: line.replace("satellite_4", "satellite_5", 1),
            "not in satellite",
        ),
        (lambda line: line.replace(",.jpg", ".jpg"), "expected ID,LAT,LON"),
        (lambda line: "../" + line, "expected ID,LAT,LON"),
        (lambda line: line.rsplit(" ", 1)[0] + " x", "no number"),
        (lambda line: line.rsplit(" ", 1)[0] + " 9e9", "beyond 2000 pixels"),
        (lambda line: line.rsplit(" ", 1)[0] + " nan", "beyond 2000 pixels"),
        (lambda line: line + "\n" + line, "a panorama twice"),
        (_repeat_tile, "names a tile twice"),
    ],
)
def test_a_line_that_is_no_label_is_refused(chicago, change, message):
    folder = chicago / "splits/Chicago"
    tiles = read_tiles(folder / "satellite_list.txt")
    path = folder / "same_area_balanced_test.txt"
    put(path, change(path.read_text()))
    with pytest.raises(UnreadableError, match=message):
        read_labels(path, tiles)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("satellite_1.0_2.0.jpg\n", "Line 1"),
        ("/satellite_1.0_2.0.png\n", "Line 1"),
        ("satellite_91.0_2.0.png\n", "not in degrees"),
        ("satellite_1.0_2.0.png\nsatellite_1.0_2.0.png\n", "twice"),
        ("\n\r\n", "is empty"),
    ],
)
def test_a_tile_list_of_another_form_is_refused(tmp_path, text, message):
    with pytest.raises(UnreadableError, match=message):
        read_tiles(put(tmp_path / "satellite_list.txt", text))


def test_lists_of_two_releases_are_not_mixed(chicago):
    folder = chicago / "splits/Chicago"
    shutil.copy(
        folder / "same_area_balanced_train.txt",
        folder / "same_area_balanced_test.txt",
    )
    with pytest.raises(UnreadableError, match="is in train and test"):
        survey(chicago, cities=CHICAGO)
    lines = (folder / "pano_label_balanced.txt").read_text().splitlines()
    put(folder / "pano_label_balanced.txt", "\n".join(lines[:2]))
    with pytest.raises(UnreadableError, match="not in pano_label_balanced"):
        survey(chicago, cities=CHICAGO)


def test_cities_differ_in_pixel_as_published():
    factors = {c: 0.114 / m for c, m in M_PER_PX.items()}
    assert factors == pytest.approx(
        {
            "NewYork": 1.00664,
            "Seattle": 1.13076,
            "SanFrancisco": 0.96495,
            "Chicago": 1.02461,
        },
        abs=1e-5,
    )
    assert np.ptp(list(factors.values())) > 0.16
