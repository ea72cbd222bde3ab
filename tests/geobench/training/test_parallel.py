"""Several processes on one batch give what one process gives."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from geobench.training.parallel import Team, gather_rows

SCRIPT = Path(__file__).parent / "train_shared.py"


def train(run, processes, *, minutes=60.0):
    words = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    words += ["--nproc-per-node", str(processes), str(SCRIPT), str(run)]
    done = subprocess.run(
        [*words, str(minutes)], capture_output=True, text=True, check=False, timeout=240
    )
    assert done.returncode == 0, done.stderr[-2000:]
    last = run / "checkpoints" / "last" / "model.safetensors"
    log = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return load_file(last), log


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    return train(tmp_path_factory.mktemp("alone") / "run", 1)


@pytest.mark.parametrize("processes", [2, 3])
def test_processes_that_share_batches_end_with_one_process_weights(
    alone, tmp_path, processes
):
    weights, log = train(tmp_path / "run", processes)
    # Batches of 7 are cut unevenly by 2 and by 3.
    for name, value in alone[0].items():
        torch.testing.assert_close(weights[name], value, rtol=1e-4, atol=1e-6)
    for one, other in zip(alone[1], log, strict=True):
        assert other["loss"]["total"] == pytest.approx(one["loss"]["total"], rel=1e-5)
        assert other["val"] == one["val"]


def test_a_run_goes_on_with_another_number_of_processes(alone, tmp_path):
    run = tmp_path / "run"
    _, log = train(run, 2, minutes=1e-6)
    assert len(log) == 1
    weights, log = train(run, 1)
    assert len(log) == 2
    for name, value in alone[0].items():
        torch.testing.assert_close(weights[name], value, rtol=1e-4, atol=1e-6)


def test_shares_cover_a_batch_and_differ_by_at_most_one():
    for size in (1, 2, 3, 5):
        for count in (5, 7, 32):
            shares = [Team(rank, size).share(count) for rank in range(size)]
            rows = [i for s in shares for i in range(s.start, s.stop)]
            assert rows == list(range(count))
            assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_one_process_gathers_nothing():
    rows = {"ground": torch.ones(2, 3)}
    assert gather_rows(rows, Team(), Team().share(2)) is rows
