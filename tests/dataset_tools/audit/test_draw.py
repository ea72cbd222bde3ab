import io

import numpy as np
from leaky_pack import write
from made_pack import tile
from PIL import Image

from dataset_tools.audit import audit
from dataset_tools.audit.draw import draw, pair_sheet
from dataset_tools.pack.read import Pack
from dataset_tools.settings.audit import AuditSettings

COPY = {"alike": {"t/test/2": ("t/train/4", {"comment": b"copy"})}}


def report_of(path):
    return audit([Pack.open(path)], AuditSettings())


def test_a_sheet_shows_both_pictures_of_a_pair_side_by_side(tmp_path):
    report = report_of(write(tmp_path / "a.pack", **COPY))
    (comparison,) = report.comparisons
    sheet = pair_sheet(report.leaks[0], comparison.a, comparison.b)
    left, right = sheet[48:228, 8:188], sheet[48:228, 196:376]
    # Equal pixels, scaled alike.
    assert np.array_equal(left, right)
    assert left.std() > 20
    assert (sheet[:, 600:] == 255).all()


def test_pairs_without_stored_pictures_make_no_sheet(tmp_path):
    report = report_of(write(tmp_path / "a.pack", **COPY))
    (comparison,) = report.comparisons
    path = tmp_path / "a.pack"
    for shard in path.glob("*.h5"):
        shard.unlink()
    groups = report_of_groups(path, comparison)
    assert pair_sheet(report.leaks[0], *groups) is None


def report_of_groups(path, comparison):
    from dataclasses import replace

    pack = Pack.open(path)
    return replace(comparison.a, pack=pack), replace(comparison.b, pack=pack)


def test_map_and_sheets_are_written_under_plain_names(tmp_path):
    tiles = {"t/test/5": tile("t/test/5", 540.0, -40.0)}
    report = report_of(write(tmp_path / "a.pack", tiles=tiles, **COPY))
    written = draw(report, tmp_path / "out")
    assert sorted(p.name for p in written) == [
        "area-train-test-tiles-same-ground.png",
        "area-train-test-tiles-same-pixels.png",
        "map-area.png",
    ]
    for path in written:
        with Image.open(io.BytesIO(path.read_bytes())) as picture:
            assert picture.format == "PNG"
            assert min(picture.size) > 100
