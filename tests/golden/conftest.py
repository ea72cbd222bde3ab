import json
import math
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

    def weights(self):
        """The authors' state dict, or one a part, made from the list of names alone."""
        rows = self.case["params"]
        if isinstance(rows, dict):
            return {p.rstrip(":"): self._state(part, p) for p, part in rows.items()}
        state = self._state(rows, self.case["seed_prefix"])
        return {"grd": state} if self.name.startswith("l2ltr") else state

    def _state(self, rows, prefix):
        found = {}
        for name, shape, kind in rows:
            if kind == "untouched":
                found[name] = self._untouched(name, shape)
            else:
                values = self.rule.tensor_for(prefix + name, name, shape)
                found[name] = torch.from_numpy(values)
        return found

    @staticmethod
    def _untouched(name, shape):
        """What a network starts with and the rule leaves alone."""
        if name.endswith("num_batches_tracked"):
            return torch.tensor(0)
        if name == "logit_scale":
            return torch.tensor(math.log(1 / 0.07))
        _, frames, width = shape
        rate = np.exp(np.arange(0, width, 2) * (-math.log(10_000.0) / width))
        angle = np.arange(frames)[:, None] * rate.astype(np.float32)
        table = np.stack([np.sin(angle), np.cos(angle)], axis=2)
        return torch.from_numpy(table.reshape(shape).astype(np.float32))

    def image(self, key):
        shape = self.case["inputs"][key]
        return torch.from_numpy(self.rule.image(f"input:{key}", shape))

    def output(self, key):
        """The reference output, or None where only its shape is known."""
        path = self.folder / f"{self.name}.{key}.npy"
        return torch.from_numpy(np.load(path)) if path.exists() else None

    def shapes(self):
        return {key: tuple(shape) for key, shape in self.case["outputs"].items()}

    def parameters(self):
        """(name, shape) in the authors' order, a part's name and a dot in front."""
        rows = self.case["params"]
        if isinstance(rows, dict):
            return [
                (f"{part.rstrip(':')}.{name}", tuple(shape))
                for part, inner in rows.items()
                for name, shape, _ in inner
            ]
        part = "model_grd." if self.name.startswith("l2ltr") else ""
        return [(part + name, tuple(shape)) for name, shape, _ in rows]


@pytest.fixture
def reference(golden):
    return lambda name: Reference(golden, name)


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
