"""CSV: columns by name, sessions, separators, compression, bad rows."""

import gzip

import pytest

from dataset_tools.errors import MissingDataError, UnreadableError, UsageError
from dataset_tools.tracks.csv import read_csv
from dataset_tools.tracks.formats import read_track
from dataset_tools.tracks.rules import ReadingRules
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
    (fix,) = read_csv(path, ReadingRules(columns={"lat": "north"})).kept
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
        read_csv(path, ReadingRules(columns={"lat": "norht"}))
    with pytest.raises(UsageError, match="'lat'"):
        read_csv(path, ReadingRules(columns={"latt": "north"}))


@pytest.mark.parametrize("data", [b"", b"\x89PNG\r\n\x1a\n", b"\x00\x80"])
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


def only(tmp_path, text, **rules):
    (fix,) = read_csv(write(tmp_path / "log.csv", text), ReadingRules(**rules)).kept
    return fix


@pytest.mark.parametrize(
    ("name", "value", "unit", "heading"),
    [
        ("Speed (km/h)", "1,7", "mps", None),
        ("Speed (km/h)", "1,9", "mps", 90.0),
        ("speed_kn", "0.9", "mps", None),
        ("speed_mph", "1.0", "mps", None),
        ("speed", "1.7", "kmh", None),
        ("speed", "1.7", "mps", 90.0),
        ("speed", "1.7 km/h", "mps", None),
    ],
)
def test_a_course_slower_than_half_a_metre_a_second_is_random(
    tmp_path, name, value, unit, heading
):
    text = f"lat;lon;course;{name}\n1;2;90;{value}\n"
    assert only(tmp_path, text, speed_unit=unit).heading_deg == heading


def test_a_heading_is_believed_at_any_speed(tmp_path):
    assert only(tmp_path, "lat,lon,heading,speed\n1,2,90,0\n").heading_deg == 90.0


def test_magnetic_headings_are_corrected_or_unknown(tmp_path):
    text = "lat,lon,heading\n1,2,5\n"
    magnetic = {"heading_reference": "magnetic"}
    assert only(tmp_path, text, **magnetic).heading_deg is None
    corrected = only(tmp_path, text, **magnetic, declination_deg=-14.0)
    assert corrected.heading_deg == 351.0


@pytest.mark.parametrize(
    "text",
    [
        "lat,lat_ref,lon,lon_ref\n33.5,S,151.5,E\n",
        "lat,lon\n33.5S,151.5E\n",
        "lat,lon\n33 30 0 S,E151 30\n",
        "lat;lon\n-33,5;151,5\n",
        'wkt\n"POINT (151.5 -33.5)"\n',
        "latitudeE7,longitudeE7\n-335000000,1515000000\n",
    ],
)
def test_one_position_as_many_loggers_write_it(tmp_path, text):
    fix = only(tmp_path, text)
    assert (fix.lat, fix.lon) == pytest.approx((-33.5, 151.5))


def test_a_state_plane_is_brought_to_degrees(tmp_path):
    fix = only(tmp_path, "x,y\n500000,0\n", crs="EPSG:32145")
    assert (fix.lat, fix.lon) == pytest.approx((42.5, -72.5))
    with pytest.raises(UsageError, match="EPSG:1"):
        ReadingRules(crs="EPSG:1")


def test_a_latitude_beyond_90_is_a_swap_and_repaired_only_if_asked(tmp_path):
    path = write(tmp_path / "log.csv", "lat,lon\n-122.4,37.8\n")
    (rejection,) = read_csv(path).rejected
    assert (rejection.reason, rejection.measured) == ("swapped-lat-lon", -122.4)
    (fix,) = read_csv(path, ReadingRules(repair_swapped=True)).kept
    assert (fix.lat, fix.lon, fix.repair) == (37.8, -122.4, "swapped-lat-lon")


def test_what_the_receiver_doubts_is_left_out(tmp_path):
    text = "lat,lon,fix,sats,accuracy\n1,2,2d,8,3\n1,2,3d,3,3\n1,2,3d,8,30\n1,2,v,9,1\n"
    rules = ReadingRules(min_fix="3d", min_satellites=4, max_accuracy_m=10.0)
    outcome = read_csv(write(tmp_path / "log.csv", text), rules)
    assert [(r.reason, r.measured, r.limit) for r in outcome.rejected] == [
        ("fix-kind", "2d", "3d"),
        ("few-satellites", 3.0, 4),
        ("accuracy", 30.0, 10.0),
        ("no-fix", "v", "a fix"),
    ]
    assert len(read_csv(tmp_path / "log.csv").kept) == 3


def test_dates_and_times_of_day_may_have_columns_of_their_own(tmp_path):
    text = "date,time,lat,lon\n16/06/2019,04:44:58,1,2\n"
    rules = {"time_format": "%d/%m/%Y %H:%M:%S", "time_zone": "America/New_York"}
    assert only(tmp_path, text, **rules).time == 1_560_674_698 * 10**9


def test_a_log_names_pictures_and_what_the_odometer_said(tmp_path):
    fix = only(tmp_path, "image;milepost;lat;lon;hfov\na/1.jpg;0,5;1;2;60\n")
    assert (fix.picture, fix.distance_m, fix.hfov_deg) == ("a/1.jpg", 804.672, 60.0)


@pytest.mark.parametrize("encoding", ["utf-16", "cp1252", "utf-8-sig"])
def test_the_text_of_windows_is_read(tmp_path, encoding):
    text = "# Logger 1.0\r\n\r\nLatitude [°];Longitude [°]\r\n1,5;2,5\r\n"
    (tmp_path / "log.csv").write_bytes(text.encode(encoding))
    (fix,) = read_csv(tmp_path / "log.csv").kept
    assert (fix.lat, fix.lon) == (1.5, 2.5)


def test_a_file_that_unpacks_without_end_is_refused(tmp_path, monkeypatch):
    from dataset_tools.tracks import files

    path = write(tmp_path / "log.csv.gz", "lat,lon\n" + "1,2\n" * 10_000)
    with pytest.raises(UnreadableError, match="split it"):
        files.track_bytes(path, largest=1000)


def test_a_header_without_rows_holds_no_fix(tmp_path):
    assert read_csv(write(tmp_path / "log.csv", "lat,lon\n")).kept == []


def orders_by_lon(outcome):
    return [f.order for f in sorted(outcome.kept, key=lambda f: f.lon)]


def test_rows_in_no_order_are_put_in_that_of_time(tmp_path):
    rows = [f"1,{k},{1000 + k}" for k in (3, 0, 4, 1, 2)]
    path = write(tmp_path / "log.csv", "lat,lon,time\n" + "\n".join(rows))
    assert orders_by_lon(read_csv(path)) == [0, 1, 2, 3, 4]
    assert [f.lon for f in read_csv(path).kept] == [3.0, 0.0, 4.0, 1.0, 2.0]


def test_a_row_or_two_out_of_order_are_left_to_cleaning(tmp_path):
    times = [*range(1000, 1020), 1005, *range(1021, 1040)]
    rows = [f"1,{k},{t}" for k, t in enumerate(times)]
    path = write(tmp_path / "log.csv", "lat,lon,time\n" + "\n".join(rows))
    assert [f.order for f in read_csv(path).kept] == list(range(40))


def test_an_order_that_a_column_states_goes_before_all(tmp_path):
    text = "lat,lon,time,sequence_index\n1,0,9,30\n1,1,5,20\n1,2,7,4\n"
    assert orders_by_lon(read_csv(write(tmp_path / "log.csv", text))) == [2, 1, 0]
