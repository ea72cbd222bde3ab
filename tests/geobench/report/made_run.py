"""A small run written by hand: results, ranks and tables, and a pack in memory."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

STEP_DEG = 0.0009


class MadePack:
    """What the page asks of a pack: tables and pictures, made from a seed."""

    def __init__(self, queries=24, frames=7, distractors=60, seed=0):
        self.rng = np.random.default_rng(seed)
        side = 6
        spots = [
            (44.0 + STEP_DEG * (i % side), -72.0 + 1.4 * STEP_DEG * (i // side))
            for i in range(queries)
        ]
        self.sequences = _indexed(
            "sequence_id",
            [
                {
                    "sequence_id": f"s{i:03d}",
                    "region": "made",
                    "stratum": "urban",
                    "frame_ids": [f"s{i:03d}/f{k}" for k in range(frames)],
                    "lat": lat,
                    "lon": lon,
                    "length_m": 50.0,
                    "positives": [f"t{i:04d}"],
                    "semi_positives": [f"t{i + 1:04d}"] if i + 1 < queries else [],
                }
                for i, (lat, lon) in enumerate(spots)
            ],
        )
        self.frames = _indexed(
            "frame_id",
            [
                {"frame_id": f"s{i:03d}/f{k}", "lat": lat + (k - 3) * 7e-5, "lon": lon}
                for i, (lat, lon) in enumerate(spots)
                for k in range(frames)
            ],
        )
        far = [
            (44.0 + STEP_DEG * float(a), -72.0 + STEP_DEG * float(b))
            for a, b in self.rng.uniform(-1, 7, (distractors, 2))
        ]
        self.tiles = _indexed(
            "tile_id",
            [
                {
                    "tile_id": f"t{i:04d}",
                    "lat": lat,
                    "lon": lon,
                    "m_per_px": 0.5,
                    "width_px": 160,
                    "height_px": 160,
                }
                for i, (lat, lon) in enumerate(spots + far)
            ],
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def split_ids(self, scheme, split, kind):
        return sorted(self.tiles.index)

    def picture(self, kind, item):
        height, width = (64, 256) if kind == "frame" else (160, 160)
        y, x = np.mgrid[0:height, 0:width]
        shift = sum(map(ord, item))
        planes = [(x * a + y * b + shift) % 256 for a, b in ((1, 1), (2, 1), (1, 3))]
        return np.stack(planes, axis=-1).astype(np.uint8)


def _indexed(key, rows):
    return pd.DataFrame(rows).set_index(key)


def write_result(run: Path, model="geodtr", *, task=None, recall=0.5, seed=0, **extra):
    """One result with its ranks; returns the path of the JSON."""
    task = {
        "id": "made-same",
        "version": 1,
        "protocol": "same-area",
        "label_set": "made",
        "split": "test",
        "scheme": "area",
        "gallery": "tile-open",
        "frames": None,
        "switches": [],
        **(task or {}),
    }
    folder = run / "results" / model / "0123abcd" / f"{task['id']}@v1"
    folder.mkdir(parents=True, exist_ok=True)
    key = f"{seed:08x}"
    content = {
        "schema": 1,
        "task": task,
        "pack": {"name": "made", "content_sha256": "0" * 64},
        "model": {
            "name": model,
            "variant": {},
            "revision": "0123abcd",
            "parameters": 9,
            "trained_on": ["made"],
            "checkpoint_sha256": "0" * 64,
        },
        "metrics": {
            "recall@1": {
                "value": recall,
                "low": max(0.0, recall - 0.1),
                "high": min(1.0, recall + 0.1),
            }
        },
        "counts": {"queries": 24, "references": 84, "excluded": {}, "tied_queries": 0},
        "seed": seed,
        "partial": False,
        "cost": {"embed_s": 1.0, "retrieve_s": 0.1, "peak_memory_bytes": 1},
        "environment": {},
        "created": "2026-01-01T00:00:00Z",
        **extra,
    }
    (folder / f"{key}.json").write_text(json.dumps(content))
    write_ranks(folder / f"{key}.ranks.parquet", recall, seed)
    return folder / f"{key}.json"


def write_ranks(path: Path, recall: float, seed: int, queries=24, references=84):
    """Ranks in which the given share of queries is right."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(queries):
        rank = 0 if i < recall * queries else int(rng.integers(1, 40))
        others = [t for t in rng.permutation(references)[:12] if t != i]
        top = [f"t{t:04d}" for t in others][:9]
        if rank < 10:
            top.insert(rank, f"t{i:04d}")
        top = [*top, f"t{others[9]:04d}"][:10]
        rows.append(
            {
                "query_id": f"s{i:03d}",
                "rank": rank,
                "top_ids": top,
                "top_scores": [0.9 - 0.05 * k for k in range(len(top))],
                "error_m": 2.5 if rank == 0 else 100.0 + i,
            }
        )
    pq.write_table(pa.Table.from_pylist(rows), path)
