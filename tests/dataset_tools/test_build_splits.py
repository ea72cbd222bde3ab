"""Several schemes in one build: side by side, each with its galleries and counts."""

import pytest
from drive_made import write_drive, write_ortho

from dataset_tools.build import BuildSettings, build_pack
from dataset_tools.errors import UsageError
from dataset_tools.records import Rejection
from dataset_tools.splits import SplitOutcome, join_schemes


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    write_drive(folder / "drive", count=50)
    write_ortho(folder / "ortho.tif", px=2.0)
    return folder


def settings(made, out, **changes):
    values = {
        "drive": made / "drive",
        "imagery": (made / "ortho.tif",),
        "licence": "CC0-1.0",
        "out": out / "a.pack",
        "m_per_px": 2.0,
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
