"""A pack in memory and a small network, for tests of the harness alone."""

import hashlib
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest

SIDE_M = 80.0


class MemoryPack:
    """As much of `dataset_tools.pack.read.Pack` as the harness uses."""

    encoding = "encoded"
    meta: ClassVar[dict] = {}

    def __init__(self, name, *, frames, tiles, sequences, splits, pictures):
        self.name = name
        self.frames, self.tiles, self.sequences = frames, tiles, sequences
        self.splits = splits
        self._pictures = pictures
        self.content_sha256 = hashlib.sha256(name.encode()).hexdigest()
        self.asked = []

    def __enter__(self):
        return self

    def __exit__(self, *details):
        return None

    def picture(self, kind, picture_id):
        self.asked.append((kind, picture_id))
        return self._pictures[kind, picture_id]

    def split_ids(self, scheme, split, kind):
        return sorted(self.splits.get((scheme, split, kind), []))


def _place(rng, size):
    """A panorama and a polar-like tile that share where bright bars stand."""
    height, width = size
    bars = np.repeat(rng.integers(0, 2, 8), width // 8).astype(bool)
    panorama = np.full((height, width, 3), 40, np.uint8)
    panorama[:, bars] = 200
    tile = np.full((height, width, 3), 220, np.uint8)
    tile[:, bars] = 60
    noise = rng.integers(-15, 15, (2, height, width, 3))
    return np.uint8(panorama + noise[0]), np.uint8(tile + noise[1])


def build_pack(
    name="pack",
    *,
    train=24,
    val=12,
    length=1,
    size=(8, 32),
    projection="equirectangular",
    seed=0,
):
    """Sequences 100 m apart on a line; the next tile on it is the semi-positive."""
    rng = np.random.default_rng(seed)
    frames, tiles, sequences, pictures, splits = [], [], [], {}, {}
    for i in range(train + val):
        lat, tile_id, sequence_id = 44.0 + i * 9e-4, f"t{i:03d}", f"s{i:03d}"
        panorama, tile = _place(rng, size)
        ids = [f"f{i:03d}-{k}" for k in range(length)]
        for k, frame_id in enumerate(ids):
            frames.append((frame_id, lat, -72.0, 0.0, 90.0, projection))
            pictures["frame", frame_id] = np.uint8(np.clip(panorama + k, 0, 255))
        pictures["tile", tile_id] = tile
        tiles.append((tile_id, lat, -72.0, SIDE_M / size[1], size[1], size[0]))
        split = "train" if i < train else "val"
        neighbour = f"t{i + 1:03d}" if i + 1 < train else None
        offsets = [{"tile_id": tile_id, "east_m": 3.0, "north_m": 4.0}]
        if neighbour:
            offsets.append({"tile_id": neighbour, "east_m": 0.0, "north_m": 100.0})
        semi = np.array([neighbour] if neighbour else [], object)
        own = np.array([tile_id], object)
        sequences.append(
            (sequence_id, "here", lat, -72.0, np.array(ids, object), own, semi, offsets)
        )
        splits.setdefault(("area", split, "sequence"), []).append(sequence_id)
        splits.setdefault(("area", split, "tile"), []).append(tile_id)
    table = pd.DataFrame.from_records
    return MemoryPack(
        name,
        frames=table(
            frames,
            columns=["frame_id", "lat", "lon", "heading_deg", "hfov_deg", "projection"],
        ).set_index("frame_id"),
        tiles=table(
            tiles,
            columns=["tile_id", "lat", "lon", "m_per_px", "width_px", "height_px"],
        ).set_index("tile_id"),
        sequences=table(
            sequences,
            columns=[
                "sequence_id",
                "region",
                "lat",
                "lon",
                "frame_ids",
                "positives",
                "semi_positives",
                "offsets",
            ],
        ).set_index("sequence_id"),
        splits=splits,
        pictures=pictures,
    )


@pytest.fixture
def make_pack():
    """The function that builds a pack in memory."""
    return build_pack


def tiny_class():
    """A class of a network that learns the packs above in a few seconds."""
    from torch import nn

    from geobench.model import CrossViewModel, InputSpec, ModelCard, masked_mean

    class Tiny(CrossViewModel):
        card = ModelCard(title="Tiny")
        embedding_dim = 16

        def __init__(self, max_frames=1, size=(8, 32), dropout=0.1, **spec):
            super().__init__()
            self.max_frames = max_frames
            self.inputs = InputSpec(ground_size=size, satellite_size=size, **spec)
            self.ground, self.satellite = (
                nn.Sequential(
                    nn.AdaptiveAvgPool2d((1, 8)),
                    nn.Flatten(),
                    nn.BatchNorm1d(24),
                    nn.Dropout(dropout),
                    nn.Linear(24, 16),
                )
                for _ in range(2)
            )

        def embed_ground(self, ground, frame_mask):
            tokens = self.ground(ground.flatten(0, 1)).unflatten(0, ground.shape[:2])
            return nn.functional.normalize(masked_mean(tokens, frame_mask), dim=-1)

        def embed_satellite(self, satellite, attention=None):
            return nn.functional.normalize(self.satellite(satellite), dim=-1)

    return Tiny


@pytest.fixture
def tiny_model_class():
    """The class that `tiny_class` makes, on one thread."""
    import torch

    torch.set_num_threads(1)
    return tiny_class()


@pytest.fixture
def tiny_model(tiny_model_class, monkeypatch):
    """That network, registered as "tiny" for one test."""
    import geobench.registry as registry

    registry.model_names()
    monkeypatch.setitem(registry._FACTORIES, "tiny", tiny_model_class)
    return "tiny"
