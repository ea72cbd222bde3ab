"""GoPro telemetry: raw streams, videos, and lengths that lie."""

import struct
from datetime import UTC, datetime

import pytest
from made_gpmf import gps5, gps9, klv, nest, video

from dataset_tools.errors import MissingDataError, UnreadableError
from dataset_tools.tracks.formats import read_track
from dataset_tools.tracks.gpmf import read_gpmf

HERE = [(42.34, -8.75), (42.3401, -8.75)]


def read(tmp_path, data, name="hero.gpmf"):
    (tmp_path / name).write_bytes(data)
    return read_track(tmp_path / name)


def seconds(outcome):
    start = datetime(2019, 1, 3, 16, 33, 34, tzinfo=UTC).timestamp()
    return [round(f.time / 1e9 - start, 6) for f in outcome.kept]


def test_a_payload_s_clock_is_spread_over_its_positions(tmp_path):
    data = gps5(HERE) + gps5(HERE, moment="190103163335.200")
    outcome = read(tmp_path, data)
    assert seconds(outcome) == [0.0, 0.6, 1.2, 1.8]
    fix = outcome.kept[0]
    assert (fix.lat, fix.lon, fix.altitude_m, fix.hdop) == (42.34, -8.75, 50.0, 1.41)


def test_a_clock_that_jumps_gives_way_to_the_nominal_second(tmp_path):
    data = gps5(HERE) + gps5(HERE, moment="190103173335.000")
    assert seconds(read(tmp_path, data))[:2] == [0.0, 0.5]


def test_positions_without_a_lock_are_rejected(tmp_path):
    outcome = read(tmp_path, gps5(HERE, fix=0) + gps5(HERE, fix=2))
    assert len(outcome.kept) == 2
    assert outcome.reasons() == {"no-fix": 2}
    assert outcome.rejected[0].measured == 0


def test_gps9_has_a_clock_and_a_lock_of_its_own(tmp_path):
    outcome = read(tmp_path, gps9(HERE) + gps9(HERE, fix=0))
    assert [f.time for f in outcome.kept] == [
        round(datetime(2022, 9, 19, tzinfo=UTC).timestamp() * 1e9),
        round(datetime(2022, 9, 19, tzinfo=UTC).timestamp() * 1e9) + 10**8,
    ]
    assert outcome.kept[0].hdop == pytest.approx(1.79)
    assert outcome.reasons() == {"no-fix": 2}


def test_where_there_are_both_each_position_comes_once(tmp_path):
    assert len(read(tmp_path, gps5(HERE) + gps9(HERE)).kept) == 2


@pytest.mark.parametrize("wide", [False, True])
def test_a_video_is_read_by_its_telemetry_track(tmp_path, wide):
    samples = [gps5(HERE), gps5(HERE, moment="190103163335.000")]
    outcome = read(tmp_path, video(samples, wide=wide), "GX010001.MP4")
    assert seconds(outcome) == [0.0, 0.5, 1.0, 1.5]
    assert {f.session_id for f in outcome.kept} == {"GX010001"}


def test_without_a_second_clock_the_video_tells_the_time(tmp_path):
    outcome = read(tmp_path, video([gps5(HERE)], seconds=3.0), "a.mp4")
    assert seconds(outcome) == [0.0, 1.5]


def test_a_video_without_telemetry_says_so(tmp_path):
    with pytest.raises(UnreadableError, match="no telemetry track"):
        read(tmp_path, video([b"x" * 8], handler="avc1"), "a.mp4")


@pytest.mark.parametrize("name", ["a.gpmf", "a.mp4", "a.raw"])
@pytest.mark.parametrize("data", [b"", b"\x00" * 64, b"garbage" * 9, b"\xff" * 99])
def test_bytes_that_are_neither_are_one_clear_error(tmp_path, name, data):
    with pytest.raises(UnreadableError):
        read(tmp_path, data, name)


def test_a_missing_file_is_named(tmp_path):
    for name in ("nowhere.mp4", "nowhere.gpmf"):
        with pytest.raises(MissingDataError, match="nowhere"):
            read_gpmf(tmp_path / name)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (gps5(HERE)[:-8], "said to have"),
        (nest("DEVC", klv("GPSF", "L", b"")), "empty|structures"),
        (gps5(HERE).replace(b"SCAL", b"JUNK"), "scale"),
        (gps9(HERE).replace(b"lllllllSS", b"lllllllSx"), "type"),
    ],
)
def test_lengths_and_types_that_lie_are_told(tmp_path, data, told):
    with pytest.raises(UnreadableError, match=told):
        read(tmp_path, data)


def test_nesting_without_end_is_refused(tmp_path):
    data = gps5(HERE)
    for _ in range(20):
        data = nest("DEVC", data)
    with pytest.raises(UnreadableError, match="nested"):
        read(tmp_path, data)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (b"stsz", struct.pack(">II", 0xFFFFFFFF, 0), None),
        (b"moov", b"free", "no moov"),
        (b"stco", b"xxxx", "no stco"),
    ],
)
def test_a_video_whose_tables_lie_is_refused(tmp_path, old, new, told):
    data = video([gps5(HERE)])
    at = data.index(old)
    if told is None:
        # Behind kind and flags: one size for all samples, and how many there are.
        data = data[: at + 8] + struct.pack(">II", 1 << 30, 1 << 20) + data[at + 16 :]
        told = "bytes|places"
    else:
        data = data.replace(old, new)
    with pytest.raises(UnreadableError, match=told):
        read(tmp_path, data, "a.mp4")
