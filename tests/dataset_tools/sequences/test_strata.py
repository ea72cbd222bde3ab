"""Polygons that say which kind of place a sequence lies in."""

import json

import numpy as np
import pytest
from made_track import drive

from dataset_tools.errors import MissingDataError, UnreadableError
from dataset_tools.sequences import SequenceRule, assign_strata, form_sequences


def form(frames):
    return form_sequences(frames, SequenceRule(), region="vermont")


def polygons(path, *squares):
    features = [
        {
            "type": "Feature",
            "properties": {"stratum": name},
            "geometry": {
                "type": "Polygon",
                "coordinates": [[[w, 44], [e, 44], [e, 45], [w, 45], [w, 44]]],
            },
        }
        for name, w, e in squares
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def test_a_stratum_is_that_of_the_first_polygon_around_the_query(tmp_path):
    sequences = form(drive(8.05 * np.arange(7))).kept
    here = polygons(tmp_path / "a.json", ("urban", -73, -72), ("rural", -73, -72))
    there = polygons(tmp_path / "b.json", ("urban", 1, 2))
    assert [s.stratum for s in assign_strata(sequences, here)] == ["urban"]
    assert [s.stratum for s in assign_strata(sequences, there)] == [None]
    assert assign_strata(sequences, None) == sequences
    assert assign_strata([], here) == []


def test_strata_that_are_not_there_are_one_clear_error(tmp_path):
    with pytest.raises(MissingDataError, match=r"nowhere\.json"):
        assign_strata([], tmp_path / "nowhere.json")
    with pytest.raises(UnreadableError, match="'stratum'"):
        assign_strata([], polygons(tmp_path / "a.json"))
