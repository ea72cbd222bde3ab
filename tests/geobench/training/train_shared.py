"""One process of a run that `torchrun` starts: trains "tiny" and saves the weights."""

import importlib.util
import sys
from pathlib import Path

import torch

HERE = Path(__file__).parent


def main(run, minutes):
    spec = importlib.util.spec_from_file_location("made", HERE.parent / "conftest.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    from geobench.registry import _FACTORIES, model_names
    from geobench.training import engine
    from geobench.training.settings import parse_settings

    torch.set_num_threads(1)
    model_names()
    _FACTORIES["tiny"] = made.tiny_class()
    pack = made.build_pack()

    class Opener:
        @staticmethod
        def open(path):
            return pack

    engine.Pack = Opener
    settings = parse_settings(
        {
            "model": "tiny",
            "variant": {"dropout": 0.0, "size": [16, 16]},
            "epochs": 2,
            "batch_size": 7,
            "lr": 0.01,
            "layout": "strong",
            "max_minutes": minutes,
        }
    )
    model = engine.new_model(settings)
    engine.fit(
        model, [Path("a.pack")], settings, Path(run), progress=False, device="cpu"
    )


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
