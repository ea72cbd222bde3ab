import pytest
from leaky_pack import moved, write
from made_pack import tile

from dataset_tools.audit import audit
from dataset_tools.errors import MissingDataError
from dataset_tools.pack.read import Pack
from dataset_tools.settings.audit import AuditSettings

PLANTED = {
    "a frame in two splits": (
        {"test_frames": ["s0/002"]},
        ("shared", "frames", ["s0/002"], ["s0/002"], None),
    ),
    "a frame near one of the other split": (
        # Across the train street's start, farther than 25 m from its next frame.
        {"frames": {"s900/005": moved(5, 900.0, to=(0.0, -24.0))}},
        ("same-place", "frames", ["s0/000"], ["s900/005"], 24.0),
    ),
    "a tile in two galleries": (
        {"extra": [("area", "test", "tile", "t/train/3")]},
        ("shared", "tiles", ["t/train/3"], ["t/train/3"], None),
    ),
    "tiles that share a quarter": (
        {"tiles": {"t/test/5": tile("t/test/5", 540.0, -40.0)}},
        ("same-ground", "tiles", ["t/train/5"], ["t/test/5"], 25.0),
    ),
    "a frame with equal pixels and other bytes": (
        {"alike": {"s900/003": ("s0/001", {"comment": b"copy"})}},
        ("same-pixels", "frames", ["s0/001"], ["s900/003"], None),
    ),
    "a tile with equal pixels and other bytes": (
        {"alike": {"t/test/2": ("t/train/4", {"comment": b"copy"})}},
        ("same-pixels", "tiles", ["t/train/4"], ["t/test/2"], None),
    ),
    "a brighter frame, encoded again": (
        {"alike": {"s900/003": ("s0/001", {"quality": 60, "brighter": 5})}},
        ("near-duplicate", "frames", ["s0/001"], ["s900/003"], 5.0),
    ),
    "a brighter tile, encoded again": (
        {"alike": {"t/test/2": ("t/train/4", {"quality": 60, "brighter": 5})}},
        ("near-duplicate", "tiles", ["t/train/4"], ["t/test/2"], 5.0),
    ),
}


def run(*paths, workers=1, **changes):
    packs = [Pack.open(path) for path in paths]
    return audit(packs, AuditSettings(**changes), workers=workers)


def found(report):
    return [(one.kind, one.items, one.a, one.b) for one in report.leaks]


def test_two_streets_apart_share_nothing(tmp_path):
    report = run(write(tmp_path / "a.pack"))
    assert report.leaks == ()
    assert [(c.a.name, c.b.name) for c in report.comparisons] == [("train", "test")]
    assert len(report.comparisons[0].a.frames) == 6


@pytest.mark.parametrize("planted", PLANTED, ids=str)
def test_what_is_planted_is_found_and_nothing_else(tmp_path, planted):
    changes, (kind, items, in_a, in_b, value) = PLANTED[planted]
    report = run(write(tmp_path / "a.pack", **changes))
    assert found(report) == [(kind, items, "train", "test")]
    (leak,) = report.findings
    assert (list(leak.in_a), list(leak.in_b)) == (in_a, in_b)
    assert (leak.of_a, leak.of_b) == (6, 7 if kind == "shared" else 6)
    (pair,) = leak.worst
    assert (pair.a, pair.b) == (in_a[0], in_b[0])
    assert pair.value == (None if value is None else pytest.approx(value, abs=0.6))


def test_every_kind_planted_at_once_is_found(tmp_path):
    changes = {}
    for given, _ in PLANTED.values():
        for key, value in given.items():
            changes[key] = changes[key] | value if key in changes else value
    report = run(write(tmp_path / "a.pack", **changes))
    kinds = {(one.kind, one.items) for one in report.findings}
    assert kinds >= {(expected[0], expected[1]) for _, expected in PLANTED.values()} - {
        # The later of two copies of s0/001 and t/train/4 took the earlier one's place.
        ("same-pixels", "frames"),
        ("same-pixels", "tiles"),
    }


def test_thresholds_decide(tmp_path):
    changes, _ = PLANTED["a frame near one of the other split"]
    assert found(run(write(tmp_path / "a.pack", **changes), place_m=23.0)) == []
    changes, _ = PLANTED["tiles that share a quarter"]
    path = write(tmp_path / "b.pack", **changes)
    assert found(run(path, ground_share=0.26)) == []
    changes, _ = PLANTED["a brighter tile, encoded again"]
    path = write(tmp_path / "c.pack", **changes)
    assert found(run(path, grey_levels=3.0)) == []
    assert found(run(path, tables_only=True)) == []


def test_flat_pictures_are_counted_and_not_taken_for_copies(tmp_path):
    flat = {"flat": True}
    alike = {i: (i, flat) for i in ("t/train/0", "t/train/1", "t/test/0", "s900/000")}
    report = run(write(tmp_path / "a.pack", alike=alike))
    assert report.leaks == ()
    assert report.flat == 4


def test_equal_pictures_within_a_split_are_told_and_are_no_finding(tmp_path):
    alike = {"t/test/2": ("t/test/4", {"comment": b"copy"})}
    report = run(write(tmp_path / "a.pack", alike=alike))
    assert found(report) == [("double", "tiles", "test", "test")]
    assert report.findings == ()
    assert [(p.a, p.b) for p in report.leaks[0].worst] == [("t/test/2", "t/test/4")]


def test_two_packs_are_compared_whole(tmp_path):
    first = write(tmp_path / "first.pack")
    assert found(run(first, first)) != []
    away = [moved(i, 900.0, to=(8.0 * i, 5900.0)) for i in range(6)]
    away += [moved(i, 0.0, to=(8.0 * i, 5000.0)) for i in range(6)]
    tiles = {
        f"t/{split}/{i}": tile(f"t/{split}/{i}", 100.0 * i, north)
        for split, north in (("train", 5000.0), ("test", 5900.0))
        for i in range(6)
    }
    # The same names elsewhere, with the same pictures: not shared, but equal.
    frames = {f.frame_id: f for f in away}
    second = write(tmp_path / "second.pack", frames=frames, tiles=tiles)
    assert found(run(first, second)) == [
        ("same-pixels", "frames", "first", "second"),
        ("same-pixels", "tiles", "first", "second"),
    ]


def test_workers_do_not_change_the_report(tmp_path, monkeypatch):
    for module in ("report", "lookalikes"):
        monkeypatch.setattr(f"dataset_tools.audit.{module}.CHUNK", 5)
    changes, _ = PLANTED["a tile with equal pixels and other bytes"]
    path = write(tmp_path / "a.pack", **changes)
    assert run(path, workers=2).leaks == run(path).leaks


def test_dropped_items_belong_to_no_split(tmp_path):
    changes, _ = PLANTED["a frame near one of the other split"]
    report = run(write(tmp_path / "a.pack", dropped=("q/test/5",), **changes))
    assert report.leaks == ()
    assert len(report.comparisons[0].b.frames) == 5


def test_a_scheme_that_is_not_there_is_named(tmp_path):
    path = write(tmp_path / "a.pack")
    with pytest.raises(MissingDataError, match=r"no split scheme 'aera'.*'area'"):
        run(path, scheme="aera")


def test_one_split_alone_has_nothing_to_be_compared_with(tmp_path):
    from made_pack import contents, picture

    from dataset_tools.pack.write import write_pack

    rows = [
        ("single", "test", "sequence", "q/near"),
        ("single", "test", "tile", "t/near"),
    ]
    path = write_pack(tmp_path / "a.pack", contents(split_rows=rows), picture=picture)
    with pytest.raises(MissingDataError, match="nothing can leak"):
        run(path)
