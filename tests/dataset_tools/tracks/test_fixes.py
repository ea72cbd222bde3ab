"""Rows to fixes to frames."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataset_tools.errors import UsageError
from dataset_tools.records import Fix, Rejection
from dataset_tools.tracks.angles import wrap_heading
from dataset_tools.tracks.fixes import RowReader, frames_from_fixes

CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.floats(),
    st.integers(),
    st.text(max_size=8),
    st.lists(st.integers(), max_size=2),
)


@given(st.floats(-1e9, 1e9))
def test_a_heading_is_wrapped_into_0_to_360(degrees):
    assert 0.0 <= wrap_heading(degrees) < 360.0


@given(CELLS, CELLS, CELLS, CELLS)
def test_any_row_is_a_sound_fix_or_a_rejection(lat, lon, time, heading):
    row = {"lat": lat, "lon": lon, "time": time, "heading": heading}
    found = RowReader().fix(row, item="a:1", session_id="a", order=0)
    if isinstance(found, Rejection):
        assert found.reason
    else:
        assert abs(found.lat) <= 90.0
        assert abs(found.lon) <= 180.0
        assert found.heading_deg is None or 0.0 <= found.heading_deg < 360.0


def test_a_longitude_counted_to_360_is_brought_back():
    found = RowReader().fix({"lat": 1, "lon": 287.5}, item="", session_id="", order=0)
    assert isinstance(found, Fix)
    assert found.lon == -72.5


def test_frames_carry_no_picture_and_a_name_that_sorts():
    fixes = [Fix(lat=1.0, lon=2.0, session_id="s", order=k) for k in (2, 10)]
    frames = frames_from_fixes(fixes)
    assert [f.frame_id for f in frames] == ["s/000002", "s/000010"]
    assert [f.source for f in frames] == [None, None]


def test_two_fixes_of_one_number_are_refused():
    with pytest.raises(UsageError, match="number 0 of session 's'"):
        frames_from_fixes([Fix(lat=1.0, lon=2.0, session_id="s")] * 2)
