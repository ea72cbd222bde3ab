import json
import os
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest
import torch

SHARED = Path(
    os.environ.get("GEOBENCH_SHARED", Path(__file__).parents[2] / ".." / "shared")
)


@pytest.fixture(scope="session")
def golden():
    """The folder of reference outputs."""
    folder = SHARED / "golden"
    if not folder.is_dir():
        pytest.skip("reference outputs are not here; point GEOBENCH_SHARED at them")
    return folder


class Reference:
    """One model's reference case: how it was filled, fed, and what came out."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.case = json.loads((folder / f"{name}.json").read_text())
        spec = spec_from_file_location("golden_fill", folder / "fill.py")
        self.rule = module_from_spec(spec)
        spec.loader.exec_module(self.rule)

    def fill(self, network, prefix=""):
        return self.rule.fill_state(network.eval(), prefix)

    def image(self, key):
        shape = self.case["inputs"][key]
        return torch.from_numpy(self.rule.image(f"input:{key}", shape))

    def output(self, key):
        path = self.folder / f"{self.name}.{key}.npy"
        if not path.exists():
            pytest.skip(f"no reference output {path.name}")
        return torch.from_numpy(np.load(path))

    def parameters(self, prefix=""):
        rows = self.case["params"]
        rows = rows[prefix] if isinstance(rows, dict) else rows
        return [(name, tuple(shape)) for name, shape, _ in rows]


@pytest.fixture
def reference(golden):
    return lambda name: Reference(golden, name)


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
