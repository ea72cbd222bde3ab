"""What lies beside the pictures of a raw drive: tracks, polygons and a read-me."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from dataset_tools.synthetic.drive import Shot
from dataset_tools.synthetic.exif import ALTITUDE_M
from dataset_tools.synthetic.network import STRATA, Zones
from dataset_tools.synthetic.settings import RegionSettings

Points = list[tuple[float, float]]
Place = Callable[[Points], Points]
"""From metres east and north in a region to (lat, lon) in degrees."""

README = """A synthetic drive: region {name}

  ground-front/SESSION/*.jpg     pictures ahead, about 8 m apart, {hfov:.0f} degrees
  ground-panorama/SESSION/*.jpg  panoramas, about 24 m apart, north in the middle
  tracks/SESSION.gpx             the receiver's track
  imagery/ortho.tif              orthophoto, {m_per_px} m per pixel, UTM zone 18N
  strata.geojson                 polygons of urban, suburban and rural zones
  areas.geojson                  polygons of train, val and test, if there are several

Made from seed {seed}. Differs from the home region by: {switches}.
Nothing here shows a real place. Settings: {digest}
"""


def write_track(path: Path, shots: list[Shot], place: Place) -> None:
    """GPX 1.1 track of one session; moments without a fix are not in it.

    Args:
        path: file to write.
        shots: the session's shots in order.
        place: from metres in the region to degrees.
    """
    fixed = [s for s in shots if not s.lost_fix and s.repeats is None]
    degrees = place([(s.gps_east, s.gps_north) for s in fixed])
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<gpx version="1.1" creator="crossview-geobench"'
        ' xmlns="http://www.topografix.com/GPX/1/1">',
        f"<trk><name>{path.stem}</name><trkseg>",
    ]
    for shot, (lat, lon) in zip(fixed, degrees, strict=True):
        moment = datetime.fromtimestamp(shot.time_ns // 1_000_000_000, UTC)
        time = f"{moment:%Y-%m-%dT%H:%M:%S}.{shot.time_ns // 1_000_000 % 1000:03d}Z"
        lines.append(
            f'<trkpt lat="{lat:.8f}" lon="{lon:.8f}">'
            f"<ele>{ALTITUDE_M}</ele><time>{time}</time></trkpt>"
        )
    lines.append("</trkseg></trk></gpx>")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_strata(
    path: Path, region: RegionSettings, zones: Zones, place: Place
) -> None:
    """GeoJSON polygons with the property "stratum" that cover a region.

    Args:
        path: file to write.
        region: extent.
        zones: nearest-centre zones, so that each polygon is a Voronoi cell.
        place: from metres in the region to degrees.
    """
    from shapely import MultiPoint, Point, box, voronoi_polygons

    extent = box(0, 0, region.width_m, region.height_m)
    cells = voronoi_polygons(MultiPoint(zones.centres), extend_to=extent)
    features = []
    for k, centre in enumerate(zones.centres):
        cell = next(c for c in cells.geoms if c.covers(Point(centre)))
        inside = cell.intersection(extent)
        if inside.area > 0:
            ring = [(float(x), float(y)) for x, y in np.array(inside.exterior.coords)]
            name = STRATA[int(zones.stratum[k])]
            features.append(_feature(ring, {"stratum": name}, place))
    _write_geojson(path, features)


def write_areas(path: Path, region: RegionSettings, place: Place) -> None:
    """GeoJSON polygons with the property "split", one for each area of a region."""
    features = [
        _feature(
            [
                (a.west, a.south),
                (a.east + a.outskirts_m, a.south),
                (a.east + a.outskirts_m, a.north),
                (a.west, a.north),
                (a.west, a.south),
            ],
            {"split": a.split},
            place,
        )
        for a in region.areas
    ]
    _write_geojson(path, features)


def write_readme(path: Path, region: RegionSettings, *, seed: int, digest: str) -> None:
    """A page for whoever opens the folder; its digest marks a finished region."""
    text = README.format(
        name=region.name,
        hfov=region.camera.hfov_deg,
        m_per_px=region.imagery.m_per_px,
        seed=seed,
        switches=", ".join(region.switches) or "nothing",
        digest=digest,
    )
    path.write_text(text, encoding="utf-8")


def _feature(ring: Points, properties: dict[str, str], place: Place) -> dict[str, Any]:
    """A GeoJSON polygon feature in lon, lat order."""
    outline = [[round(lon, 9), round(lat, 9)] for lat, lon in place(ring)]
    geometry = {"type": "Polygon", "coordinates": [outline]}
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def _write_geojson(path: Path, features: list[dict[str, Any]]) -> None:
    document = {"type": "FeatureCollection", "features": features}
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
