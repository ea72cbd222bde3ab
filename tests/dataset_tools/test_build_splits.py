"""Several schemes in one build: side by side, each with its galleries and counts."""

import json

import pytest
from click.testing import CliRunner
from drive_made import LAT, LON, write_drive, write_ortho, write_picture

from dataset_tools.build import BuildSettings, build_pack
from dataset_tools.errors import UsageError
from dataset_tools.geodesy import LocalFrame
from dataset_tools.pack.check import check_pack
from dataset_tools.pack.read import Pack
from dataset_tools.records import Rejection
from dataset_tools.splits import SplitOutcome, join_schemes
from geobench.cli.main import cli

PLACE = LocalFrame(LAT, LON)
YEAR_S = 366 * 86_400


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Three parallel streets, one a session, and the first again a year later."""
    folder = tmp_path_factory.mktemp("made")
    for session, north in (("a", 0.0), ("b", 120.0), ("c", 240.0)):
        write_drive(folder / "drive", count=40, north_m=north, session=session)
    for i in range(40):
        lat, lon = PLACE.to_degrees(8.0 * i, 4.0)
        write_picture(
            folder / "drive" / "later" / f"{i:04d}.jpg",
            lat=float(lat),
            lon=float(lon),
            second=YEAR_S + i,
        )
    write_ortho(folder / "ortho.tif", px=2.0)
    return folder


def settings(made, out, **changes):
    values = {
        "drive": made / "drive",
        "imagery": (made / "ortho.tif",),
        "licence": "CC0-1.0",
        "out": out / "a.pack",
        "m_per_px": 2.0,
        "tile_m": 60.0,
        "buffer_m": 20.0,
    }
    return BuildSettings(**(values | changes))


def test_two_schemes_that_share_a_name_are_refused_before_any_work(made, tmp_path):
    with pytest.raises(UsageError, match="'single' and 'area' would both"):
        build_pack(settings(made, tmp_path, split_scheme=("single", "area")))
    assert list(tmp_path.iterdir()) == []


def test_one_name_is_a_list_of_one_and_a_double_counts_once(made, tmp_path):
    assert settings(made, tmp_path, split_scheme="area").split_scheme == ("area",)
    twice = settings(made, tmp_path, split_scheme=("area", "area"))
    assert twice.split_scheme == ("area",)


def test_rejections_of_several_schemes_are_told_apart():
    def one(scheme):
        reject = Rejection(item="q", stage="splits", reason="in-buffer")
        rows = [(scheme, "dropped", "sequence", "q")]
        return SplitOutcome(rows, [reject], ("few",))

    both = join_schemes({"road": one("road"), "area": one("area")})
    assert both.rows == [("area", *one("area").rows[0][1:]), one("road").rows[0]]
    assert [r.stage for r in both.rejected] == ["splits/road", "splits/area"]
    assert both.warnings == ("Scheme 'road': few", "Scheme 'area': few")
    assert join_schemes({"road": one("road")}) == one("road")


def test_every_scheme_can_stand_beside_the_others_with_its_galleries(made, tmp_path):
    listing = tmp_path / "published.csv"
    names = [f"a/b/{k:05d}" for k in range(12)]
    splits = ["train", "train", "val", "test"] * 3
    rows = [f"{i},{s}" for i, s in zip(names, splits, strict=True)]
    listing.write_text("\n".join(["id,split", *rows]))
    report = build_pack(
        settings(
            made,
            tmp_path,
            split_scheme=("single", "session", "road", "fold", "year", "list"),
            revisit_buffer_m=0.0,
            folds=3,
            cell_m=100.0,
            split_list=(listing,),
            distractors_per_tile=1,
        )
    )
    with Pack.open(report.path) as pack:
        rows = pack.splits
        schemes = ["area", "fold-1", "fold-2", "fold-3", "published"]
        assert sorted(set(rows["scheme"])) == [*schemes, "road", "session", "year"]
        for scheme in ("session", "road", "fold-1", "fold-2", "fold-3", "year"):
            for split in ("train", "val", "test"):
                assert pack.split_ids(scheme, split, "sequence"), (scheme, split)
                galleries = [
                    set(pack.split_ids(scheme, split, kind))
                    for kind in ("tile-thinned", "tile", "tile-open")
                ]
                assert galleries[0] <= galleries[1] <= galleries[2]
                assert galleries[0]
        year = pack.split_ids("year", "test", "sequence")
        assert {i.split("/")[1] for i in year} == {"later"}
        assert pack.split_ids("published", "val", "sequence") == names[2::4]
        # Each scheme's rows name each sequence once.
        queries = rows[rows["kind"] == "sequence"]
        assert len(queries) == len(pack.sequences) * 8
    told = {s.stage: s for s in report.stages}
    assert told["splits/published"].rejected["not-listed"] > 0
    for stage in report.stages:
        assert stage.given == stage.kept + sum(stage.rejected.values())
    findings = check_pack(report.path)
    # What is asked about another time shows the same place; a list is taken as it is.
    told = {f.message.split("of scheme '")[1].split("'")[0] for f in findings}
    assert {f.severity for f in findings} == {"warning"}
    assert told <= {"session", "year", "published"}


def test_the_command_takes_schemes_and_prints_a_line_for_each(made, tmp_path):
    words = [
        *("data", "build", "--drive", str(made / "drive"), "--imagery"),
        *(str(made / "ortho.tif"), "--licence", "CC0-1.0", "--m-per-px", "2"),
        *("--tile-m", "60", "--buffer-m", "20", "--out", str(tmp_path / "a.pack")),
        *("--split-scheme", "session", "--split-scheme", "road", "--json"),
    ]
    done = CliRunner().invoke(cli, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    stages = {s["stage"] for s in json.loads(done.stdout)["stages"]}
    assert {"splits/session", "splits/road"} <= stages


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"split_scheme": "list"}, "--split-list FILE need each other"),
        ({"val_share": 0.5, "test_share": 0.6}, "leave nothing to train on"),
        ({"split_scheme": ("session", "list")}, "'session' like another one"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    made, tmp_path, changes, match
):
    if "session" in changes.get("split_scheme", ()):
        (tmp_path / "session.csv").write_text("a,train\n")
        changes = changes | {"split_list": (tmp_path / "session.csv",)}
    with pytest.raises(UsageError, match=match):
        build_pack(settings(made, tmp_path, **changes))
