"""DSM's turned matching and Sample4Geo's batches against the released codes."""

import json
from random import Random

import numpy as np
import pytest
import torch

from geobench.data.neighbour_batches import neighbour_batches
from geobench.layers.circular_correlation import best_turns


def test_best_turns_and_their_distances_equal_dsm(golden):
    with np.load(golden / "dsm_corr.npz") as file:
        maps = {
            k: torch.from_numpy(file[k]).permute(0, 3, 1, 2) for k in ("sat", "grd")
        }
        wanted = {k: torch.from_numpy(file[k]) for k in ("distance", "orientation")}
    distance, turn = best_turns(maps["sat"], maps["grd"])
    assert torch.equal(turn.T, wanted["orientation"])
    assert turn.diagonal().tolist() == [3, 10, 17]
    assert (distance - wanted["distance"]).abs().max() < 1e-6


@pytest.mark.parametrize("kind", ["gps", "none"])
def test_batches_of_neighbours_equal_sample4geo(golden, kind):
    case = json.loads((golden / "sample4geo_shuffle.json").read_text())
    near = {int(k): v for k, v in case["neighbours"].items()} if kind == "gps" else {}
    batches = neighbour_batches(
        range(1, case["N"] + 1),
        near,
        Random(case["python_random_seed"]),
        batch_size=case["batch"],
        select=case["neighbour_select"],
    )
    assert [i for batch in batches for i in batch] == case["order"][kind]
