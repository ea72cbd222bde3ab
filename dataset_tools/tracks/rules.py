"""How a track's file is meant, and which of its rows are believed."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date as calendar_date
from typing import Literal

from dataset_tools.errors import UsageError
from dataset_tools.geodesy import crs_fault
from dataset_tools.tracks.angles import wrap_heading
from dataset_tools.tracks.fields import DistanceUnit, SpeedUnit
from dataset_tools.tracks.times import Clock, TimeScale, zone_of

FixKind = Literal["2d", "3d"]
HeadingReference = Literal["true", "magnetic"]
TrackFormat = Literal[
    "auto", "gpx", "csv", "geojson", "json", "nmea", "mapillary", "gpmf"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingRules:
    """What a file cannot say of itself; the defaults are the usual meaning."""

    columns: Mapping[str, str] = field(default_factory=dict)
    """Field -> column, for names that no alias covers."""
    time_zone: str = "UTC"
    """Of times that state none: UTC, +02:00 or Europe/Paris."""
    time_format: str | None = None
    """Of times that are not ISO, as `strptime` reads them."""
    time_scale: TimeScale = "utc"
    """gps: times run ahead of UTC by the leap seconds."""
    date: str | None = None
    """ISO date of times of day."""
    speed_unit: SpeedUnit = "mps"
    """Of a speed whose column does not tell."""
    distance_unit: DistanceUnit = "m"
    """Of a distance whose column does not tell."""
    crs: str | None = None
    """Of positions that are not WGS84 degrees, such as EPSG:32145."""
    heading_reference: HeadingReference = "true"
    """North that headings of the file count from."""
    declination_deg: float | None = None
    """Added to magnetic headings, east positive; None: they are unknown."""
    course_min_speed_mps: float = 0.5
    """Below this speed a receiver's course is random, and so unknown."""
    min_fix: FixKind = "2d"
    """Least kind of fix."""
    min_satellites: int = 0
    """Fewest satellites of a row that states them."""
    max_accuracy_m: float = math.inf
    """Largest stated error of a position, metres."""
    max_fix_age_s: float = 60.0
    """Oldest fix in a picture, by how its two clocks usually differ."""
    repair_swapped: bool = False
    """Swap latitude and longitude back where the latitude is beyond 90 degrees."""

    def __post_init__(self) -> None:
        """Refuse rules that mean nothing.

        Raises:
            UsageError: if the zone, the date or the CRS does not exist.
        """
        zone_of(self.time_zone)
        try:
            _ = self.date is None or calendar_date.fromisoformat(self.date)
        except ValueError:
            message = f"The date is {self.date!r}; one such as 2019-06-16 is expected."
            raise UsageError(message) from None
        fault = crs_fault(self.crs) if self.crs is not None else None
        if fault is not None:
            message = (
                f"The track's CRS is {self.crs!r}, which is none ({fault}); a code "
                "such as EPSG:32145 is expected."
            )
            raise UsageError(message)

    @property
    def clock(self) -> Clock:
        """How its times are read."""
        return Clock(
            zone=zone_of(self.time_zone),
            layout=self.time_format,
            scale=self.time_scale,
            day=self.date,
        )

    def true_heading(self, degrees: float, reference: str = "") -> float | None:
        """A heading from true north in [0, 360), None if that cannot be known.

        Args:
            degrees: as the file states it.
            reference: "T" or "M" where the file says so, else the rule decides.
        """
        known = {"T": "true", "M": "magnetic"}.get(reference, self.heading_reference)
        if known == "true":
            return wrap_heading(degrees)
        # The declination is not in the file, and a model of it not among our tools.
        if self.declination_deg is None:
            return None
        return wrap_heading(degrees + self.declination_deg)


PLAIN = ReadingRules()
"""Every default."""
