"""The kind of place that a sequence lies in: urban, suburban, highway."""

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from dataset_tools.errors import UnreadableError
from dataset_tools.records import Sequence
from dataset_tools.tracks.files import load_json


def assign_strata(
    sequences: Iterable[Sequence], polygons_geojson: Path | None
) -> list[Sequence]:
    """Sequences with the stratum of the first polygon that their position lies in.

    Args:
        sequences: any sequences.
        polygons_geojson: polygons in WGS84 with a property `stratum`; None changes
            nothing.

    Raises:
        MissingDataError: if the file is not there.
        UnreadableError: if it holds no polygon with a stratum.
    """
    sequences = list(sequences)
    if polygons_geojson is None:
        return sequences
    from shapely import STRtree, from_geojson, points
    from shapely.errors import GEOSException

    document = load_json(polygons_geojson)
    features = document.get("features", []) if isinstance(document, dict) else []
    polygons, strata = [], []
    for feature in features if isinstance(features, list) else []:
        properties = feature.get("properties") if isinstance(feature, dict) else None
        stratum = properties.get("stratum") if isinstance(properties, dict) else None
        if stratum is None:
            continue
        try:
            polygons.append(from_geojson(json.dumps(feature.get("geometry"))))
        except GEOSException as error:
            message = f"A polygon of {polygons_geojson} cannot be read: {error}."
            raise UnreadableError(message) from error
        strata.append(str(stratum))
    if not polygons:
        message = (
            f"The file {polygons_geojson} holds no polygon with a property 'stratum'."
        )
        raise UnreadableError(message)
    places = points([s.lon for s in sequences], [s.lat for s in sequences])
    inside: dict[int, int] = {}
    # "within" misses a position on an outline shared by two polygons; "intersects"
    # gives both, and the smaller index decides.
    pairs = STRtree(polygons).query(places, predicate="intersects")
    for k, polygon in pairs.T.tolist():
        inside[k] = min(polygon, inside.get(k, polygon))
    return [
        replace(sequence, stratum=strata[inside[k]]) if k in inside else sequence
        for k, sequence in enumerate(sequences)
    ]
