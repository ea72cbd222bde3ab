"""CSV: columns by name, sessions, separators, compression, bad rows."""

import gzip

import pytest

from dataset_tools.errors import MissingDataError, UnreadableError, UsageError
from dataset_tools.tracks import read_track
from dataset_tools.tracks.csv import read_csv
from dataset_tools.tracks.times import parse_time


def write(path, text):
    path.write_bytes(
        gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode()
    )
    return path


def test_columns_go_by_their_usual_names(tmp_path):
    text = "drive,time_utc,gps_long,gps_lat,gps_heading\n7,1558644874,-95.9,41.2,-90\n"
    (fix,) = read_track(write(tmp_path / "log.csv.gz", text)).kept
    assert (fix.session_id, fix.order, fix.lat, fix.lon) == ("7", 0, 41.2, -95.9)
    assert fix.time == parse_time("2019-05-23T20:54:34Z")
    assert fix.heading_deg == 270.0


def test_a_mapping_goes_before_the_aliases(tmp_path):
    path = write(tmp_path / "log.csv", "lat,north,lon\n1,2,3\n")
    (fix,) = read_csv(path, columns={"lat": "north"}).kept
    assert (fix.lat, fix.lon, fix.session_id) == (2.0, 3.0, "log")


def test_semicolons_with_decimal_commas_are_read(tmp_path):
    path = write(tmp_path / "log.csv", "\ufeffLatitude;Longitude\r\n44,5;-72,25\r\n")
    (fix,) = read_csv(path).kept
    assert (fix.lat, fix.lon) == (44.5, -72.25)


def test_orders_count_within_a_session(tmp_path):
    path = write(tmp_path / "log.csv", "trip,lat,lon\na,1,1\nb,1,1\na,1,1\n")
    found = [(f.session_id, f.order) for f in read_csv(path).kept]
    assert found == [("a", 0), ("b", 0), ("a", 1)]


def test_bad_rows_are_counted_and_named(tmp_path):
    path = write(tmp_path / "log.csv", "lat,lon\n1,1\n181,1\n,1\n1\nx,1\n1,1,9\n")
    outcome = read_csv(path)
    assert len(outcome.kept) == 2
    assert outcome.reasons() == {
        "no-position": 2,
        "latitude-out-of-range": 1,
        "not-a-number": 1,
    }
    assert outcome.rejected[0].item == "log.csv:3"


def test_a_missing_column_is_named_with_what_there_is(tmp_path):
    path = write(tmp_path / "log.csv", "north,lon\n1,1\n")
    with pytest.raises(MissingDataError, match="no column for lat; it has north, lon"):
        read_csv(path)


def test_a_mapping_to_a_wrong_column_suggests_another(tmp_path):
    path = write(tmp_path / "log.csv", "north,lon\n1,1\n")
    with pytest.raises(MissingDataError, match="'north'"):
        read_csv(path, columns={"lat": "norht"})
    with pytest.raises(UsageError, match="'lat'"):
        read_csv(path, columns={"latt": "north"})


@pytest.mark.parametrize("data", [b"", b"\xff\xfe\x00lat", b"\x00\x80"])
def test_bytes_that_are_no_csv_are_one_clear_error(tmp_path, data):
    (tmp_path / "log.csv").write_bytes(data)
    with pytest.raises(UnreadableError):
        read_csv(tmp_path / "log.csv")


def test_broken_compression_is_one_clear_error(tmp_path):
    (tmp_path / "log.csv.gz").write_bytes(gzip.compress(b"lat,lon\n1,1\n")[:-6])
    with pytest.raises(UnreadableError, match=r"log\.csv\.gz"):
        read_csv(tmp_path / "log.csv.gz")


def test_an_unknown_suffix_lists_the_known_ones(tmp_path):
    with pytest.raises(UsageError, match=r"\.gpx, \.csv"):
        read_track(tmp_path / "log.xlsx")
