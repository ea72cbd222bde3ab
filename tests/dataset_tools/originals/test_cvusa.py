import math
import shutil

import pytest
import shapely
from released import cvusa, cvusa_line, encoded, put

from dataset_tools.errors import MissingDataError, UnreadableError
from dataset_tools.geodesy import distance_m
from dataset_tools.originals.importing import import_release, survey_release
from dataset_tools.pack.check import check_pack
from dataset_tools.pack.read import Pack
from dataset_tools.settings.original import CvusaSettings


def survey(root, **given):
    return survey_release("cvusa", root, CvusaSettings(out=root / "x.pack", **given))


def imported(root, out, **given):
    settings = CvusaSettings(out=out, **{"no_area_split": True, **given})
    return import_release("cvusa", root, settings)


def test_pairs_keep_the_split_of_their_list_and_the_bytes_of_their_file(tmp_path):
    root = cvusa(tmp_path / "CVUSA")
    report = imported(root, tmp_path / "cvusa.pack")
    with Pack.open(report.path) as pack:
        assert pack.name == "cvusa"
        assert pack.meta["private"] is True
        assert pack.split_ids("published", "train", "sequence") == [
            f"{k:07d}" for k in (1, 2, 3)
        ]
        assert pack.split_ids("published", "val", "tile") == ["0000005"]
        # The comment that names the picture is taken off, the pixels' bytes are not.
        stored = pack.picture_bytes("frame", "0000002")
        source = (root / "streetview/panos/0000002.jpg").read_bytes()
        assert b"g2" in source
        assert b"g2" not in stored
        assert stored[-400:] == source[-400:]
        frame = pack.frames.loc["0000002"]
    assert frame["heading_deg"] == 0.0
    assert frame["hfov_deg"] == 360.0
    assert frame["projection"] == "equirectangular"
    assert frame["source"] == "streetview/panos/0000002.jpg"
    assert [f for f in check_pack(report.path) if f.severity == "error"] == []


def test_row_of_all_csv_is_the_id_less_one(tmp_path):
    root = cvusa(tmp_path / "CVUSA")
    with Pack.open(imported(root, tmp_path / "x.pack").path) as pack:
        assert pack.tiles.loc["0000003", "lat"] == pytest.approx(40.03)
        assert pack.frames.loc["0000003", "lat"] == pytest.approx(40.03001)
        (offset,) = pack.sequences.loc["0000003", "offsets"]
    # The panorama is 1e-5 degrees north of the tile's centre: 1.11 m.
    assert offset["north_m"] == pytest.approx(-1.11, abs=0.01)
    assert offset["east_m"] == pytest.approx(0.0, abs=1e-6)


def test_a_tile_covers_the_same_ground_however_it_was_scaled(tmp_path):
    """750 px of zoom 19 at 40.01 N are 750 * 0.228694 m = 171.52 m; here in 15 px."""
    root = cvusa(tmp_path / "CVUSA", train=(1,), val=(5,))
    with Pack.open(imported(root, tmp_path / "x.pack").path) as pack:
        tile = pack.tiles.loc["0000001"]
        assert tile["m_per_px"] * 15 == pytest.approx(171.52, abs=0.01)
        west, south, east, north = shapely.from_wkb(tile["geometry"]).bounds
    high = float(distance_m(south, -100.0, north, -100.0))
    wide = float(distance_m(40.01, west, 40.01, east))
    assert high == pytest.approx(171.5, rel=0.004)
    assert wide == pytest.approx(171.5, rel=0.004)


@pytest.mark.parametrize("place", ["", "dataset", "CVUSA/dataset", "CVPR_subset"])
def test_the_root_may_lie_deeper(tmp_path, place):
    cvusa(tmp_path / place)
    assert survey(tmp_path).counts == {"train": 3, "val": 1}


def test_all_csv_may_lie_in_the_root(tmp_path):
    root = cvusa(tmp_path / "CVUSA")
    (root / "split_locations/all.csv").rename(root / "all.csv")
    assert math.isclose(survey(root).listed.positions[0, 0], 40.01)


def test_without_coordinates_the_pack_has_no_metre_and_says_so(tmp_path):
    root = cvusa(tmp_path / "CVUSA")
    shutil.rmtree(root / "split_locations")
    report = imported(root, tmp_path / "x.pack", no_area_split=False)
    assert any("no all.csv" in text for text in report.warnings)
    assert any("no split by area" in text for text in report.warnings)
    with Pack.open(report.path) as pack:
        assert pack.frames["lat"].isna().all()
        assert pack.tiles["m_per_px"].isna().all()
        assert set(pack.splits["scheme"]) == {"published"}
    assert {f.code for f in check_pack(report.path)} == {"no-position"}


def test_a_pair_without_coordinates_is_ranked_and_in_no_area(tmp_path):
    places = [(40 + k, -100.0) for k in range(9)] + [(0.0, 0.0)]
    root = cvusa(
        tmp_path / "CVUSA",
        train=(1, 2, 3, 4, 5, 6),
        val=(7, 8, 9, 10),
        rows=10,
        places=places,
    )
    report = imported(root, tmp_path / "x.pack", no_area_split=False)
    assert any("no position for 1 of" in text for text in report.warnings)
    with Pack.open(report.path) as pack:
        rows = pack.splits[pack.splits["id"] == "0000010"]
        assert set(rows["scheme"]) == {"published"}
        area = pack.splits[pack.splits["scheme"] == "area"]
        assert set(area["split"]) == {"train", "val", "test"}
        assert set(pack.splits["scheme"]) == {"published", "area"}


def test_pictures_that_are_missing_or_damaged_are_counted_by_reason(tmp_path):
    root = cvusa(tmp_path / "CVUSA", train=(1, 2, 3, 4, 6, 7), val=(5,), rows=7)
    (root / "bingmap/19/0000001.jpg").unlink()
    (root / "streetview/panos/0000002.jpg").unlink()
    whole = (root / "bingmap/19/0000003.jpg").read_bytes()
    put(root / "bingmap/19/0000003.jpg", whole[:-4])
    put(root / "streetview/panos/0000004.jpg", b"")
    found = survey(root)
    assert found.missing == ["bingmap/19/0000001.jpg", "streetview/panos/0000002.jpg"]
    report = imported(root, tmp_path / "x.pack", max_missing=0.9)
    (stage,) = report.stages
    assert (stage.given, stage.kept) == (7, 3)
    assert stage.rejected == {
        "cut-satellite": 1,
        "empty-ground": 1,
        "missing-ground": 1,
        "missing-satellite": 1,
    }


def test_mostly_missing_pictures_are_refused(tmp_path):
    root = cvusa(tmp_path / "CVUSA")
    for k in (1, 2, 3):
        (root / f"bingmap/19/{k:07d}.jpg").unlink()
    with pytest.raises(MissingDataError, match=r"3 of 4 queries.*partly unpacked"):
        imported(root, tmp_path / "x.pack")
    assert not (tmp_path / "x.pack").exists()


def test_cleaned_lists_are_taken_only_if_asked_for(tmp_path):
    root = cvusa(tmp_path / "CVUSA")
    put(root / "splits_cleaned/train-19zl.csv", cvusa_line(1))
    put(root / "splits_cleaned/val-19zl.csv", cvusa_line(5))
    assert survey(root).counts["train"] == 3
    cleaned = survey(root, lists="cleaned")
    assert cleaned.counts == {"train": 1, "val": 1}
    assert cleaned.pack_name == "cvusa-cleaned"


def test_lists_of_an_unknown_size_are_named_as_such(tmp_path):
    root = cvusa(tmp_path / "CVUSA")
    assert "neither the original 35,532 + 8,884" in survey(root).findings[0]
    with pytest.raises(UnreadableError, match="not the original ones"):
        survey(root, lists="original")


def test_the_image_synthesis_copy_is_named(tmp_path):
    root = cvusa(tmp_path / "CVUSA")
    shutil.rmtree(root / "splits")
    with pytest.raises(MissingDataError, match=r"lacks train-19zl\.csv and val"):
        survey(root)
    shutil.rmtree(root / "streetview/annotations")
    with pytest.raises(UnreadableError, match="image-synthesis copy"):
        survey(root)


def test_polar_maps_alone_are_named(tmp_path):
    root = cvusa(tmp_path / "CVUSA")
    (root / "bingmap").rename(root / "polarmap")
    with pytest.raises(UnreadableError, match="made by users"):
        survey(root)


def test_one_list_of_two_is_missing_data(tmp_path):
    root = cvusa(tmp_path / "CVUSA")
    (root / "splits/val-19zl.csv").unlink()
    with pytest.raises(MissingDataError, match=r"lacks val-19zl\.csv"):
        survey(root)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("bingmap/19/0000004.jpg\n", "1 fields"),
        ("bingmap/19/0000004.jpg,streetview/panos/0000002.jpg,\n", "same number"),
        ("/etc/0000004.jpg,streetview/panos/0000004.jpg\n", "an absolute path"),
        ("C:\\x\\0000004.jpg,streetview/panos/0000004.jpg\n", "an absolute path"),
        ("../0000004.jpg,streetview/panos/0000004.jpg\n", r"with '\.\.'"),
        ("bingmap/19/four.jpg,streetview/panos/four.jpg\n", "seven digits"),
        (cvusa_line(5), "stands twice"),
    ],
)
def test_a_line_that_is_no_pair_is_refused_with_its_number(tmp_path, line, message):
    root = cvusa(tmp_path / "CVUSA")
    put(root / "splits/train-19zl.csv", cvusa_line(1) + line)
    with pytest.raises(UnreadableError, match=message) as caught:
        survey(root)
    assert "Line 2" in str(caught.value) or "Pair" in str(caught.value)


def test_backslashes_blank_lines_and_crlf_are_read(tmp_path):
    root = cvusa(tmp_path / "CVUSA")
    line = cvusa_line(2).replace("/", "\\").replace("\n", "\r\n")
    put(root / "splits/train-19zl.csv", "\ufeff" + line + "\r\n" + cvusa_line(1))
    pairs = survey(root).listed.pairs
    assert [p.satellite for p in pairs[:2]] == [
        "bingmap/19/0000002.jpg",
        "bingmap/19/0000001.jpg",
    ]


@pytest.mark.parametrize(
    "text", ["lat,lon,a,b\n1,2,3,4\n", "1,2,3\n", "1 2 3 4\n", "1,2,3,N\n", ""]
)
def test_coordinates_of_another_form_are_refused(tmp_path, text):
    root = cvusa(tmp_path / "CVUSA")
    put(root / "split_locations/all.csv", text)
    with pytest.raises(UnreadableError, match=r"all\.csv"):
        survey(root)


def test_a_limit_takes_the_first_of_each_list_and_marks_the_pack(tmp_path):
    root = cvusa(tmp_path / "CVUSA")
    with Pack.open(imported(root, tmp_path / "x.pack", limit=2).path) as pack:
        assert pack.name == "cvusa-partial"
        assert pack.meta["made_by"]["rules"]["partial"] is True
        assert pack.split_ids("published", "train", "sequence") == [
            "0000001",
            "0000003",
        ]
        assert pack.split_ids("published", "val", "sequence") == ["0000005"]


def test_a_picture_that_is_broken_inside_names_the_way_out(tmp_path):
    root = cvusa(tmp_path / "CVUSA")
    noise = encoded("x", 400, 400)
    start = noise.index(b"\xff\xda") + 20
    # A second start of frame within the scan, and no marker where it says it ends.
    broken = noise[:start] + b"\xff\xc0\x00\x03" + bytes(40) + b"\xff\xd9"
    put(root / "bingmap/19/0000001.jpg", broken)
    with pytest.raises(UnreadableError, match="--pictures whole"):
        imported(root, tmp_path / "x.pack")
    report = imported(root, tmp_path / "x.pack", pictures="whole")
    assert report.stages[0].rejected == {"broken-satellite": 1}
