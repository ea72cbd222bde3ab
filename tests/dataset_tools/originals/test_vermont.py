import json

import pytest
from released import put, vermont, vermont_json, vermont_view

from dataset_tools.errors import MissingDataError, UnreadableError
from dataset_tools.originals.importing import import_release, survey_release
from dataset_tools.originals.vermont_json import BadSequence, read_sequence
from dataset_tools.pack.check import check_pack
from dataset_tools.pack.read import Pack
from dataset_tools.settings.original import VermontSettings


def survey(root, **given):
    settings = VermontSettings(out=root / "x.pack", **given)
    return survey_release("vermont", root, settings)


def imported(root, out, **given):
    settings = VermontSettings(out=out, **{"no_area_split": True, **given})
    return import_release("vermont", root, settings)


def test_files_are_counted_by_number_and_one_is_in_no_split(tmp_path):
    """Of 10 files int(8.0) train, the ninth is dropped, the tenth is val."""
    root = vermont(tmp_path / "V", 10, skip=(4,))
    with Pack.open(imported(root, tmp_path / "x.pack").path) as pack:
        ids = {s: pack.split_ids("published", s, "sequence") for s in ("train", "val")}
        assert ids["train"] == [f"{n:05d}" for n in (0, 1, 2, 3, 5, 6, 7, 8)]
        assert pack.split_ids("published", "dropped", "sequence") == ["00009"]
        assert ids["val"] == ["00010"]
        # dev1 is the first int(0.5), dev2 what follows int(9.9).
        assert pack.split_ids("published-dev", "train", "sequence") == []
        assert pack.split_ids("published-dev", "val", "sequence") == ["00010"]


def test_frames_of_several_sequences_are_stored_once(tmp_path):
    """Windows of 7 with stride 3: 10 of them show 9 * 3 + 7 frames."""
    report = imported(vermont(tmp_path / "V"), tmp_path / "x.pack")
    assert report.counts["frames"] == 34
    assert report.counts["sessions"] == 1
    with Pack.open(report.path) as pack:
        one, two = (
            list(pack.sequences.loc[n, "frame_ids"]) for n in ("00000", "00001")
        )
        assert one[3:] == two[:4]
        frame = pack.frames.loc[one[1]]
        assert frame["order"] == 128_395
        assert frame["session_id"] == "ROW/20190616.101500"
        assert frame["source"].startswith("street/2019_street/ROW/20190616.101500/")
        assert frame["heading_deg"] == 0.5
        assert pack.sequences.loc["00000", "length_m"] == pytest.approx(48.3, abs=0.1)
    findings = check_pack(report.path)
    assert [f for f in findings if f.severity == "error"] == []


def test_the_query_stands_at_the_frame_nearest_to_the_tile(tmp_path):
    """Two passes of 7: the middle of the keys is not the middle of the road."""
    root = vermont(tmp_path / "V", 4)
    back = "20190618.143012"
    views = {f"img_{k + 1}": vermont_view(k) for k in range(7)}
    views |= {f"img_{k + 8}": vermont_view(6 - k, session=back) for k in range(7)}
    vermont_json(root, 4, views, centre=3)
    with Pack.open(imported(root, tmp_path / "x.pack").path) as pack:
        row = pack.sequences.loc["00004"]
        order = pack.frames.loc[list(row["frame_ids"]), ["session_id", "order"]]
        assert len(order) == 14
        # The second session is listed against its odometer and put right.
        assert order["order"][:7].is_monotonic_increasing
        assert order["order"][7:].is_monotonic_increasing
        assert (
            order["session_id"].tolist()
            == ["ROW/20190616.101500"] * 7 + [f"ROW/{back}"] * 7
        )
        assert row["lat"] == pack.frames.loc[row["frame_ids"][3], "lat"]
        (own,) = [o for o in row["offsets"] if o["tile_id"] == "00004"]
    # The tile's centre was put 9e-6 degrees north and 1e-5 east of that frame.
    assert own["north_m"] == pytest.approx(1.0, abs=0.02)
    assert own["east_m"] == pytest.approx(0.8, abs=0.02)


def test_keys_count_by_number_whatever_their_order_in_the_file(tmp_path):
    root = vermont(tmp_path / "V", 3)
    views = {f"img_{k + 1}": vermont_view(k) for k in reversed(range(11))}
    vermont_json(root, 3, views, centre=5)
    with Pack.open(imported(root, tmp_path / "x.pack").path) as pack:
        named = list(pack.sequences.loc["00003", "frame_ids"])
    assert named == sorted(named)
    assert len(named) == 11


def test_a_tile_is_640_pixels_of_zoom_20(tmp_path):
    """At 44.26 N a pixel is 0.10693 m, so the side is 68.43 m; here in 16 px."""
    report = imported(vermont(tmp_path / "V", 3), tmp_path / "x.pack")
    with Pack.open(report.path) as pack:
        sides = pack.tiles["m_per_px"] * pack.tiles["width_px"]
    assert sides.to_numpy() == pytest.approx(68.43, abs=0.02)


def test_cut_and_missing_frames_leave_their_sequences_which_stay(tmp_path):
    root = vermont(tmp_path / "V")
    street = root / "street/2019_street/ROW/20190616.101500"
    names = sorted(p.name for p in street.iterdir())
    put(street / names[0], (street / names[0]).read_bytes()[:-4])
    (street / names[4]).unlink()
    report = imported(root, tmp_path / "x.pack")
    frames, sequences = report.stages
    assert frames.rejected == {"cut-ground": 1, "missing-ground": 1}
    assert (sequences.given, sequences.kept) == (10, 10)
    with Pack.open(report.path) as pack:
        assert len(pack.sequences.loc["00000", "frame_ids"]) == 5
        assert len(pack.sequences.loc["00001", "frame_ids"]) == 6
        assert len(pack.sequences.loc["00002", "frame_ids"]) == 7


def test_sequences_without_tile_or_frames_or_sense_are_counted(tmp_path):
    root = vermont(tmp_path / "V")
    (root / "satellite/2019_satellite/20/0.png").unlink()
    put(root / "json/2019_JSON/1.json", "{")
    lonely = {"img_1": vermont_view(99)}
    vermont_json(root, 2, lonely)
    put(
        root / "street/2019_street" / "/".join(lonely["img_1"]["name"].split("\\")[1:]),
        b"",
    )
    report = imported(root, tmp_path / "x.pack")
    assert report.stages[1].rejected == {
        "broken-json": 1,
        "missing-satellite": 1,
        "no-frame-left": 1,
    }
    # The cut counts files, readable or not, so the others stay where they were.
    with Pack.open(report.path) as pack:
        assert pack.split_ids("published", "dropped", "sequence") == ["00008"]


def test_a_heading_is_taken_from_the_sequence_that_has_it(tmp_path):
    root = vermont(tmp_path / "V", 2)
    content = json.loads((root / "json/2019_JSON/0.json").read_text())
    for view in content["street_views"].values():
        del view["heading"]
    put(root / "json/2019_JSON/0.json", json.dumps(content))
    assert survey(root).notes == ["3 frames have no heading."]
    report = imported(root, tmp_path / "x.pack")
    assert report.warnings == survey(root).findings or len(report.warnings) == 1
    with Pack.open(report.path) as pack:
        headings = pack.frames.sort_values("order")["heading_deg"]
    assert headings.isna().tolist() == [True] * 3 + [False] * 7


def test_a_heading_past_north_is_brought_back(tmp_path):
    root = vermont(tmp_path / "V", 1)
    views = {
        "img_1": vermont_view(50, heading=364.5),
        "img_2": vermont_view(51, heading=-90),
    }
    vermont_json(root, 1, views, centre=50)
    with Pack.open(imported(root, tmp_path / "x.pack", max_missing=1).path) as pack:
        last = pack.frames.sort_values("order")["heading_deg"].tolist()[-2:]
    assert last == [4.5, 270.0]


def test_a_frame_at_two_places_is_told(tmp_path):
    root = vermont(tmp_path / "V", 2)
    content = json.loads((root / "json/2019_JSON/1.json").read_text())
    content["street_views"]["img_1"]["lat"] += 0.001
    put(root / "json/2019_JSON/1.json", json.dumps(content))
    report = imported(root, tmp_path / "x.pack")
    assert any("1 frames have two positions" in w for w in report.warnings)


def test_our_split_shares_no_frame_where_the_published_one_does(tmp_path):
    root = vermont(tmp_path / "V", 60)
    report = imported(
        root, tmp_path / "x.pack", no_area_split=False, cell_m=400, buffer_m=80
    )
    codes = {(f.code, f.message.split("'")[1]) for f in check_pack(report.path)}
    assert ("shared-frame", "published") in codes
    assert not any(scheme == "area" for _, scheme in codes)
    with Pack.open(report.path) as pack:
        for split in ("train", "val", "test"):
            assert pack.split_ids("area", split, "sequence")


@pytest.mark.parametrize("place", ["dataset", "SeqGeo/dataset"])
def test_the_root_may_lie_deeper(tmp_path, place):
    vermont(tmp_path / place, 2)
    assert survey(tmp_path).counts["sequences"] == 2


def test_a_limit_takes_the_first_of_train_and_val_of_the_whole_split(tmp_path):
    root = vermont(tmp_path / "V")
    with Pack.open(imported(root, tmp_path / "x.pack", limit=1).path) as pack:
        assert pack.name == "vermont-partial"
        assert list(pack.sequences.index) == ["00000", "00009"]


def test_a_folder_without_sequences_or_with_others_is_refused(tmp_path):
    root = vermont(tmp_path / "V", 2)
    put(root / "json/2019_JSON/00001.json", "{}")
    with pytest.raises(UnreadableError, match="1 numbers twice"):
        survey(root)
    put(root / "json/2019_JSON/notes.json", "{}")
    with pytest.raises(UnreadableError, match=r"holds 'notes\.json'"):
        survey(root)
    for path in (root / "json/2019_JSON").iterdir():
        path.unlink()
    with pytest.raises(MissingDataError, match="no JSON files"):
        survey(root)


GOOD = {
    "center": [44.0, -72.0],
    "satellite_views": {"20": ".\\2019_satellite\\20\\0.png"},
    "street_views": {"img_1": {"name": ".\\ROW\\s\\1.jpg", "lat": 44.0, "lon": -72.0}},
}


def read(tmp_path, content):
    text = content if isinstance(content, str) else json.dumps(content)
    return read_sequence(put(tmp_path / "0.json", text), number=0, zoom=20)


def changed(key, value):
    return {**GOOD, key: value}


def frame(**changes):
    view = {**GOOD["street_views"]["img_1"], **changes}
    return changed("street_views", {"img_1": view})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1, 2]", "the file is no object"),
        ("{", "no JSON"),
        ("[" * 200_000, "unreadable: RecursionError|no JSON"),
        (changed("center", None), "center has the position"),
        (changed("center", [0, 0]), "center has the position"),
        (changed("center", [44.0, "x"]), "center has the position"),
        (changed("center", [True, True]), "center has the position"),
        (changed("center", [1e999, 0]), "center has the position"),
        (changed("satellite_views", {"19": "a"}), "no tile of zoom 20"),
        (changed("satellite_views", {"20": "0.png"}), "one component"),
        (changed("street_views", {}), "expected img_1"),
        (changed("street_views", {"front": {}}), "frame key 'front'"),
        (frame(name=None), "img_1 has no name"),
    ],
)
def test_a_broken_file_is_told_in_a_few_words(tmp_path, content, message):
    with pytest.raises(BadSequence, match=message):
        read(tmp_path, content)


@pytest.mark.parametrize(
    "name",
    [
        "C:\\data\\ROW\\s\\1.jpg",
        "\\\\server\\share\\1.jpg",
        "/etc/passwd",
        ".\\..\\..\\secret.jpg",
    ],
)
def test_a_path_out_of_the_release_is_refused_with_its_file(tmp_path, name):
    with pytest.raises(UnreadableError, match=r"/0\.json names"):
        read(tmp_path, frame(name=name))
    with pytest.raises(UnreadableError, match=r"/0\.json names"):
        read(tmp_path, changed("satellite_views", {"20": name}))


def test_a_frame_without_position_leaves_its_sequences_which_stay(tmp_path):
    root = vermont(tmp_path / "V")
    content = json.loads((root / "json/2019_JSON/0.json").read_text())
    content["street_views"]["img_1"]["lat"] = None
    content["street_views"]["img_2"] |= {"lat": 0, "lon": 0}
    put(root / "json/2019_JSON/0.json", json.dumps(content))
    report = imported(root, tmp_path / "x.pack")
    assert report.stages[0].rejected == {"no-position": 2}
    assert report.stages[1].kept == 10
    with Pack.open(report.path) as pack:
        assert len(pack.sequences.loc["00000", "frame_ids"]) == 5
    # The fourth frame is also the first of the next sequence, which places it.
    content["street_views"]["img_4"]["lat"] = None
    put(root / "json/2019_JSON/0.json", json.dumps(content))
    again = imported(root, tmp_path / "y.pack")
    assert again.stages[0].rejected == {"no-position": 2}
    assert not any("two positions" in w for w in again.warnings)


def test_a_frame_that_is_named_twice_counts_once(tmp_path):
    root = vermont(tmp_path / "V", 3)
    views = {f"img_{k + 1}": vermont_view(k % 5) for k in range(7)}
    vermont_json(root, 3, views, centre=2)
    with Pack.open(imported(root, tmp_path / "x.pack").path) as pack:
        assert len(pack.sequences.loc["00003", "frame_ids"]) == 5


def test_a_heading_that_is_no_number_is_unknown(tmp_path):
    for heading in (None, "north", float("nan"), True):
        assert read(tmp_path, frame(heading=heading)).views[0].heading_deg is None
    assert read(tmp_path, frame(bearing=10)).views[0].heading_deg == 10.0
