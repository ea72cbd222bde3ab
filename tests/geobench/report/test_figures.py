from made_run import write_result

from geobench.report.figures import colour_of, draw_bars, draw_curve
from geobench.report.sources import load_entries


def _lengths(tmp_path):
    for keep in ("centre-out", "random"):
        for frames in (1, 3, 7):
            task = {
                "id": f"len-{keep}-{frames}",
                "protocol": "sequence-length",
                "frames": {"count": frames, "keep": keep, "seed": 0},
            }
            write_result(tmp_path, "seqgeo", task=task, recall=0.1 * frames)
    return load_entries(tmp_path)


def test_bars_are_a_png(tmp_path):
    write_result(tmp_path)
    path = draw_bars(load_entries(tmp_path), tmp_path / "f" / "bars.png")
    assert path.read_bytes().startswith(b"\x89PNG")


def test_bars_without_an_interval_are_drawn(tmp_path):
    metrics = {"recall@1": {"value": 0.5, "low": None, "high": None}}
    write_result(tmp_path, metrics=metrics)
    assert draw_bars(load_entries(tmp_path), tmp_path / "bars.png") is not None


def test_nothing_is_drawn_without_recall(tmp_path):
    write_result(tmp_path, metrics={"median_rank": {"value": 3.0}})
    assert draw_bars(load_entries(tmp_path), tmp_path / "bars.png") is None
    assert not (tmp_path / "bars.png").exists()


def test_the_curve_is_drawn_over_frames(tmp_path):
    path = draw_curve(_lengths(tmp_path), tmp_path / "curve.png")
    assert path.read_bytes().startswith(b"\x89PNG")


def test_no_curve_where_no_task_limits_the_frames(tmp_path):
    write_result(tmp_path)
    assert draw_curve(load_entries(tmp_path), tmp_path / "curve.png") is None


def test_the_same_results_give_the_same_bytes(tmp_path):
    entries = _lengths(tmp_path)
    first = draw_curve(entries, tmp_path / "a.png").read_bytes()
    assert draw_curve(entries, tmp_path / "b.png").read_bytes() == first


def test_colours_follow_names_and_not_their_order():
    assert colour_of(["b", "a"]) == colour_of(["a", "b", "a"])
