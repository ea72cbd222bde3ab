"""Columns against a plain loop that follows the rules word for word."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_track import drive

from dataset_tools.errors import UsageError
from dataset_tools.geodesy import bearing_deg, distance_m
from dataset_tools.sequences import SequenceRule, form_columns, form_sequences
from dataset_tools.tracks.clean import columns_of
from dataset_tools.tracks.rows import TrackColumns

RULES = [
    SequenceRule(length=4, stride=2),
    SequenceRule(length=3, stride=5),
    SequenceRule(length=4, min_length=2, max_length=6),
    SequenceRule(length=4, overlap=False),
    SequenceRule(rule="count", length=5, stride=2, min_length=2),
    SequenceRule(rule="count", length=3, overlap=False),
    SequenceRule(rule="time", window_s=3.0, length=3, stride=2),
    SequenceRule(rule="time", window_s=4.0, length=2, max_length=5, overlap=False),
    SequenceRule(rule="radius", length=4, stride=2, max_length=6),
    SequenceRule(rule="radius", length=3, overlap=False, max_bend_deg=170.0),
]


def metres(a, b):
    return float(distance_m(a.lat, a.lon, b.lat, b.lon))


def angle(a, b, c, d):
    """Between the directions from a to b and from c to d, degrees."""
    one, two = (
        float(bearing_deg(p.lat, p.lon, q.lat, q.lon)) for p, q in ((a, b), (c, d))
    )
    return abs((two - one + 180) % 360 - 180)


def plain_pieces(frames, rule):
    cuts = []
    for k, (a, b) in enumerate(pairwise(frames)):
        step, pause = metres(a, b), (b.time - a.time) / 1e9
        turn = 0.0
        if k and min(step, metres(frames[k - 1], a)) >= 4.0:
            turn = angle(frames[k - 1], a, a, b)
        if (
            step > rule.max_gap_m
            or pause > rule.max_gap_s
            or step / max(pause, 1.0) > rule.max_speed_mps
            or turn > rule.max_turn_deg
        ):
            cuts.append(k + 1)
    edges = [0, *cuts, len(frames)]
    return [frames[a:b] for a, b in pairwise(edges)]


def plain_circle(piece, k, rule):
    first, stop = k, k + 1
    while first and metres(piece[first - 1], piece[k]) <= rule.radius_m:
        first -= 1
    while stop < len(piece) and metres(piece[stop], piece[k]) <= rule.radius_m:
        stop += 1
    before, after = k - first, stop - 1 - k
    while before + after + 1 > rule.most:
        before, after = (before - 1, after) if before >= after else (before, after - 1)
    return k - before, k + after + 1


def plain_time(piece, k, rule):
    inside = [f for f in piece[k:] if f.time - piece[k].time <= rule.window_s * 1e9]
    stop = k + min(len(inside), rule.most)
    seconds = (piece[stop - 1].time - piece[k].time) / 1e9
    return None if seconds < rule.window_s * 0.8 else (k, stop)


def plain_path(piece, k, rule):
    along = np.cumsum([0.0, *(metres(a, b) for a, b in pairwise(piece[k:]))])
    frames = rule.length
    if rule.least < rule.most:
        nearest = int(np.argmin(np.abs(along - rule.path_m))) + 1
        frames = min(max(nearest, rule.least), rule.most)
    stop = min(k + frames, len(piece))
    if abs(along[stop - k - 1] - rule.path_m) > 0.2 * rule.path_m:
        return None
    middle = piece[k + (stop - k) // 2]
    radius = max(metres(middle, f) for f in piece[k:stop])
    return (k, stop) if radius <= rule.max_radius_m else None


def plain_count(piece, k, rule):
    return k, min(k + rule.length, len(piece))


def plain_window(piece, k, rule):
    """(first, stop) of the window of frame k, or None if it is not sound."""
    makers = {"radius": plain_circle, "time": plain_time, "count": plain_count}
    window = makers.get(rule.rule, plain_path)(piece, k, rule)
    if window is None or window[1] - window[0] < rule.least:
        return None
    first, stop = window
    middle = k if rule.rule == "radius" else first + (stop - first) // 2
    a, b, c = piece[first], piece[middle], piece[stop - 1]
    bent = min(metres(a, b), metres(b, c)) >= 4.0 and angle(a, b, b, c) > rule.bend_deg
    return None if bent else window


def plain_sequences(frames, rule):
    found = []
    for piece in plain_pieces(frames, rule):
        k = used = 0
        while k < len(piece):
            window = plain_window(piece, k, rule)
            if window is None or (not rule.overlap and window[0] < used):
                k += 1
                continue
            found.append([f.frame_id for f in piece[slice(*window)]])
            used = window[1]
            if rule.rule == "radius":
                k += 1 if not rule.overlap else rule.stride
            elif not rule.overlap or used == len(piece):
                k = used
            else:
                k += rule.stride
    return found


moves = st.tuples(
    st.sampled_from([0.0, 3.137, 7.041, 8.083, 9.571, 13.019, 55.3]),
    st.sampled_from([0.0, 0.0, 0.0, 31.0, 88.0, 171.0]),
    st.sampled_from([0.4, 1.0, 1.0, 2.0, 70.0]),
)


def wander(steps, session="s"):
    """A drive that goes so many metres, turns so many degrees, waits so long."""
    heading = np.radians(np.cumsum([0.0, *(turn for _, turn, _ in steps)]))[1:]
    length = np.array([s for s, _, _ in steps])
    east = np.cumsum([0.0, *(length * np.sin(heading))])
    north = np.cumsum([0.0, *(length * np.cos(heading))])
    seconds = np.cumsum([0.0, *(t for _, _, t in steps)])
    return drive(east, north, seconds=seconds, session=session)


@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=40, deadline=None)
@given(steps=st.lists(moves, min_size=1, max_size=30))
def test_columns_find_what_a_plain_loop_finds(rule, steps):
    frames = wander(steps)
    outcome = form_sequences(frames, rule, region="r")
    assert [list(s.frame_ids) for s in outcome.kept] == plain_sequences(frames, rule)
    used = {f for s in outcome.kept for f in s.frame_ids}
    rejected = [r.item for r in outcome.rejected]
    assert sorted([*used, *rejected]) == [f.frame_id for f in frames]
    assert all(rule.least <= len(s.frame_ids) <= rule.most for s in outcome.kept)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(moves, max_size=12), min_size=1, max_size=4),
    st.booleans(),
    st.randoms(use_true_random=False),
)
def test_joined_circles_hold_every_frame_within_the_radius(drives, overlap, shuffler):
    frames = [
        f for k, steps in enumerate(drives) for f in wander(steps, session=str(k))
    ]
    by_id = {f.frame_id: f for f in frames}
    rule = SequenceRule(
        rule="radius",
        join_passes=True,
        overlap=overlap,
        length=3,
        max_length=999,
        stride=2,
    )
    outcome = form_sequences(frames, rule, region="r")
    for sequence in outcome.kept:
        session, number = sequence.sequence_id.split("/")[1:]
        centre = by_id[f"{session}/{int(number):04d}"]
        near = [i for i, f in by_id.items() if metres(centre, f) <= rule.radius_m]
        assert (sequence.lat, sequence.lon) == (centre.lat, centre.lon)
        assert sorted(sequence.frame_ids) == sorted(near) or not overlap
        assert set(sequence.frame_ids) <= set(near)
    used = [f for s in outcome.kept for f in s.frame_ids]
    assert overlap or len(used) == len(set(used))
    rejected = [r.item for r in outcome.rejected]
    assert sorted({*used} | {*rejected}) == sorted(by_id)
    assert not {*used} & {*rejected}
    shuffler.shuffle(frames)
    assert form_sequences(frames, rule, region="r") == outcome


def test_another_drive_changes_no_row_of_a_session():
    rng = np.random.default_rng(0)
    one = columns_of(drive(np.cumsum(rng.uniform(5, 12, 400))))
    two = columns_of(drive(np.cumsum(rng.uniform(5, 12, 300)), 900.0))
    both = TrackColumns(
        **{
            name: np.concatenate([getattr(two, name), getattr(one, name)])
            for name in ("lat", "lon", "time", "heading", "hdop")
        },
        session=np.repeat([0, 1], [300, 400]),
    )
    alone, among = form_columns(one, SequenceRule()), form_columns(both, SequenceRule())
    mine = among.first >= 300
    assert np.array_equal(among.first[mine] - 300, alone.first)
    # Bit for bit: distances are added up from each session's own start.
    assert np.array_equal(among.length_m[mine], alone.length_m)
    assert np.array_equal(among.reason[300:], alone.reason)


def test_blocks_of_sessions_leave_no_seam(monkeypatch):
    monkeypatch.setattr("dataset_tools.tracks.columns.BLOCK", 50)
    rng = np.random.default_rng(1)
    east = np.cumsum(rng.uniform(5, 12, 500))
    track = columns_of(drive(east))
    parted = TrackColumns(
        lat=track.lat,
        lon=track.lon,
        time=track.time,
        session=np.arange(500) // 37,
        heading=track.heading,
        hdop=track.hdop,
    )
    found = form_columns(parted, SequenceRule())
    monkeypatch.undo()
    whole = form_columns(parted, SequenceRule())
    for name in ("query", "first", "stop", "length_m", "reason", "offset"):
        assert np.array_equal(getattr(found, name), getattr(whole, name)), name
    assert len(whole) > 100


def test_a_long_step_is_measured_along_the_ground():
    frames = drive([0.0, 20_000.0, 40_000.0])
    rule = SequenceRule(rule="count", length=3, max_gap_m=1e6, max_speed_mps=1e6)
    (sequence,) = form_sequences(frames, rule, region="r").kept
    truth = metres(frames[0], frames[1]) + metres(frames[1], frames[2])
    assert sequence.length_m == pytest.approx(truth, abs=1e-6)


def test_no_rows_are_no_sequences():
    for rule in RULES:
        empty = columns_of([])
        assert len(form_columns(empty, rule)) == 0
    joined = SequenceRule(rule="radius", join_passes=True)
    assert len(form_columns(columns_of([]), joined)) == 0


def test_rows_that_are_not_sorted_by_session_are_refused():
    track = columns_of(drive([0.0, 8.0]))
    mixed = TrackColumns(
        lat=track.lat,
        lon=track.lon,
        time=track.time,
        session=np.array([1, 0]),
        heading=track.heading,
        hdop=track.hdop,
    )
    with pytest.raises(UsageError, match="not sorted by session"):
        form_columns(mixed, SequenceRule())
