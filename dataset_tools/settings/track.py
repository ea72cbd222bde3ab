"""Parameters of reading, matching, cleaning and resampling."""

from pathlib import Path
from typing import Final

from pydantic import Field

from dataset_tools.settings.base import Settings, any_path_field, folder_field
from dataset_tools.tracks.fields import DistanceUnit, SpeedUnit
from dataset_tools.tracks.limits import CleaningLimits
from dataset_tools.tracks.rules import PLAIN, FixKind, HeadingReference, TrackFormat
from dataset_tools.tracks.times import TimeScale

LIMITS: Final = CleaningLimits()
"""Where each limit's default is stated."""


class TrackSettings(Settings):
    """Where frames come from, and how the files of a drive are meant."""

    drive: Path | None = folder_field()
    """Folder of pictures."""
    track: Path | None = any_path_field()
    """Track file, or a folder of them: GPX, CSV, GeoJSON, JSON, NMEA, GoPro telemetry
    or video, Mapillary image descriptions. Places pictures that have no position;
    without a drive its positions become frames without pictures."""
    track_format: TrackFormat = "auto"
    """Format of the track; auto: by its suffix, and how it begins."""
    columns: tuple[str, ...] = ()
    """FIELD=COLUMN of a track in CSV, JSON or GeoJSON, such as lat=Breite; repeatable.
    Usual names are found without."""
    route: Path | None = any_path_field()
    """Centre lines, as GeoJSON, GPX or CSV with WKT: place pictures named by odometer,
    and the rows of a log with distances and no positions."""
    time_zone: str = PLAIN.time_zone
    """Zone of times that state none: UTC, +02:00 or Europe/Paris."""
    time_format: str | None = None
    """Layout of times that are not ISO, such as "%d.%m.%Y %H:%M:%S"."""
    time_scale: TimeScale = PLAIN.time_scale
    """gps: the track's times run ahead of UTC by the leap seconds, 18 since 2017."""
    track_date: str | None = None
    """ISO date of a track that has times of day only."""
    track_crs: str | None = None
    """CRS of a track that is not in WGS84 degrees, such as EPSG:32145."""
    speed_unit: SpeedUnit = PLAIN.speed_unit
    """Unit of speeds whose column does not tell."""
    distance_unit: DistanceUnit = PLAIN.distance_unit
    """Unit of distances whose column does not tell."""
    heading_reference: HeadingReference = PLAIN.heading_reference
    """North that the track's headings count from, where the file does not tell."""
    declination_deg: float | None = Field(None, ge=-180, le=180)
    """Added to magnetic headings, east positive, degrees; without it they are unknown.
    """
    course_min_speed_mps: float = Field(PLAIN.course_min_speed_mps, ge=0)
    """Below this speed a receiver's course is random and left unknown, metres a second.
    """
    min_fix: FixKind = PLAIN.min_fix
    """Least kind of fix that is believed."""
    min_satellites: int = Field(PLAIN.min_satellites, ge=0)
    """Fewest satellites that are believed, where the file states them."""
    max_accuracy_m: float | None = Field(None, gt=0)
    """Largest error that a receiver may state of its position, metres."""
    max_fix_age_s: float = Field(PLAIN.max_fix_age_s, gt=0)
    """Oldest fix in a picture, by how its two clocks usually differ, seconds."""
    clock_offset_s: float | None = Field(None, ge=-1e9, le=1e9)
    """Seconds to add to the camera's time to get the track's; estimated and reported
    if it is not given."""
    match_gap_s: float = Field(10.0, gt=0)
    """Longest time between the two fixes that a picture is placed between, seconds."""
    match_gap_m: float = Field(200.0, gt=0)
    """Longest way between the two fixes, or entries of an odometer log, that a picture
    is placed between, metres."""
    one_camera: bool = False
    """Take all pictures of a folder as one session, whatever cameras took them."""
    resample_m: float | None = Field(None, gt=0)
    """Bring frames to this spacing first, metres."""
    resample_gap_m: float = Field(100.0, gt=0)
    """Longest step that new positions are put into, metres."""
    resample_gap_s: float = Field(60.0, gt=0)
    """Longest pause that new positions are put into, seconds."""


class CleaningSettings(Settings):
    """What of a track is still believed."""

    repair_coordinates: bool = False
    """Put swapped coordinates and lost signs right where the neighbours prove them,
    instead of leaving the frames out."""
    earliest: str = "1990-01-01"
    """ISO time before which a clock was never set."""
    max_future_s: float = Field(86_400.0, ge=0)
    """A time further ahead of now is a wrong clock, seconds."""
    max_hdop: float = Field(LIMITS.max_hdop, ge=0)
    """Largest horizontal dilution of precision."""
    null_island_m: float = Field(LIMITS.null_island_m, ge=0)
    """A fix this near to latitude 0, longitude 0 is none, metres."""
    max_speed_mps: float = Field(LIMITS.max_speed_mps, gt=0)
    """A faster step is not believed, metres a second."""
    time_resolution_s: float = Field(LIMITS.time_resolution_s, ge=0)
    """Equal times may be this far apart, seconds."""
    max_step_m: float = Field(LIMITS.max_step_m, ge=0)
    """Without times: an excursion farther than this and back is a jump, metres."""
    mistake_m: float = Field(LIMITS.mistake_m, ge=0)
    """A jump that a swap or a sign brings this near to its neighbour was such a
    mistake, metres."""
    jump_run: int = Field(LIMITS.jump_run, ge=1)
    """A run of at least this many frames is believed even if it stands apart."""
    zigzag_m: float = Field(LIMITS.zigzag_m, ge=0)
    """Multipath: an excursion to the side and back that makes the way longer by more
    than this, metres."""
    max_acceleration_mps2: float = Field(LIMITS.max_acceleration_mps2, ge=0)
    """Such an excursion is left out if it takes more acceleration than this, metres a
    second squared; a car brakes with 10."""
    frozen_repeats: int = Field(LIMITS.frozen_repeats, ge=2)
    """Without times: so many frames at one exact position are a frozen receiver."""
    frozen_release_mps: float = Field(LIMITS.frozen_release_mps, ge=0)
    """With times: leaving an exact position this fast means it was frozen, metres a
    second."""
    stop_radius_m: float = Field(LIMITS.stop_radius_m, ge=0)
    """A stop stays within this distance of its first frame, metres; that frame is
    kept."""
    stop_min_s: float = Field(LIMITS.stop_min_s, ge=0)
    """Least time that a stop takes, seconds."""
    duplicate_m: float = Field(LIMITS.duplicate_m, ge=0)
    """Nearer to the last kept frame than this is a repeat, metres, unless the camera
    turned."""
    duplicate_turn_deg: float = Field(LIMITS.duplicate_turn_deg, ge=0)
    """At one place a frame that turned at least this much is kept, degrees."""
    course_base_m: float = Field(LIMITS.course_base_m, ge=0)
    """A heading is taken from the course over at least this distance, metres."""
    course_gap_m: float = Field(LIMITS.course_gap_m, ge=0)
    """A longer step ends the course on both sides, metres."""
    course_gap_s: float = Field(LIMITS.course_gap_s, ge=0)
    """A longer pause ends the course on both sides, seconds."""
