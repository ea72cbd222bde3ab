"""Which frames of a sequence a model is shown."""

import numpy as np
import pytest

from geobench.data.queries import read_queries


def frames_of(pack, max_frames):
    table = read_queries(pack, scheme="area", split="train", max_frames=max_frames)
    rows = zip(table.frame_row[0], table.frame_real[0], strict=True)
    return [table.frames_used[r][-1] for r, real in rows if real]


def placed(make_pack, length, query):
    """A pack whose first sequence runs north, its query at one of its frames."""
    pack = make_pack(train=1, val=0, length=length)
    pack.frames["lat"] = 44.0 + 1e-4 * np.arange(length)
    if query is not None:
        pack.sequences["lat"] = 44.0 + 1e-4 * query
    return pack


@pytest.mark.parametrize(
    ("length", "query", "max_frames", "seen"),
    [
        (7, 3, 1, "3"),
        (6, 3, 1, "3"),
        (6, 2, 1, "2"),
        (9, 6, 3, "567"),
        (9, 8, 3, "678"),
        (9, 0, 3, "012"),
        (5, 1, 7, "01234"),
    ],
)
def test_a_model_sees_the_frames_around_the_querys_own(
    make_pack, length, query, max_frames, seen
):
    pack = placed(make_pack, length, query)
    assert frames_of(pack, max_frames) == list(seen)


def test_without_positions_the_middle_frame_is_seen(make_pack):
    pack = placed(make_pack, 5, None)
    pack.frames["lat"] = np.nan
    assert frames_of(pack, 1) == ["2"]


def test_of_two_frames_at_one_place_the_middlemost_is_seen(make_pack):
    pack = placed(make_pack, 5, 0)
    pack.frames["lat"] = 44.0
    assert frames_of(pack, 1) == ["2"]
