from pathlib import Path

import pytest


@pytest.fixture
def open_packs(monkeypatch):
    """Let `fit` open packs in memory by their path; give it a dict of them."""
    import geobench.training.engine as engine

    packs = {}

    class Opener:
        @staticmethod
        def open(path, *, verify=False):
            return packs[Path(path)]

    monkeypatch.setattr(engine, "Pack", Opener)
    return packs
