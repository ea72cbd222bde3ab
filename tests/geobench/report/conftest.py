"""Fixtures of the report's tests."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import made_run


@pytest.fixture
def make_run(tmp_path, monkeypatch):
    """A run folder with one pack, which is made in memory when it is opened."""
    from geobench.report import page

    monkeypatch.setattr(page, "open_pack", lambda path: made_run.MadePack())
    pack = tmp_path / "packs" / "made.pack"
    pack.mkdir(parents=True)
    meta = {
        "name": "made",
        "counts": {"frames": 168},
        "rejections": {"clean": {"gap": 4}},
    }
    (pack / "pack.json").write_text(json.dumps(meta))
    return tmp_path
