"""A baked pack gives a model exactly what it would have seen of the encoded one."""

import numpy as np
import pytest

from dataset_tools.imagery.tile_list import footprint
from dataset_tools.pack.bake import bake
from dataset_tools.pack.read import Pack
from dataset_tools.pack.write import PackContents, write_pack
from dataset_tools.pictures import encode_jpeg
from dataset_tools.records import Frame, Tile
from dataset_tools.settings.bake import BakeSettings
from geobench.data.prepare import preparation_sha256, prepare_frames, prepare_tiles
from geobench.errors import DataError
from geobench.model import InputSpec


@pytest.fixture(scope="module")
def encoded(tmp_path_factory):
    """Two frames and two tiles of 100 m with noise for pictures."""
    frames = [
        Frame(
            frame_id=f"f{i}",
            session_id="s",
            order=i,
            lat=44.5,
            lon=-72.5,
            heading_deg=30.0,
            hfov_deg=360.0,
            projection="equirectangular",
            source=f"{i}.jpg",
        )
        for i in range(2)
    ]
    tiles = [
        Tile(
            tile_id=f"t{i}",
            lat=44.5,
            lon=-72.5,
            footprint=footprint(44.5, -72.5, side_m=100.0),
            m_per_px=1.0,
            width_px=100,
            height_px=100,
            source="o.tif",
            licence="CC0-1.0",
        )
        for i in range(2)
    ]
    contents = PackContents(
        name="p",
        frames=frames,
        tiles=tiles,
        sequences=[],
        split_rows=[],
        licences=[{"source": "o.tif", "licence": "CC0-1.0", "attribution": ""}],
        made_by={"command": "test"},
    )

    def picture(kind, name):
        rng = np.random.default_rng(sum(name.encode()))
        shape = (40, 160, 3) if kind == "frame" else (100, 100, 3)
        return encode_jpeg(rng.integers(0, 255, shape).astype(np.uint8))

    folder = tmp_path_factory.mktemp("encoded")
    return write_pack(folder / "p.pack", contents, picture=picture)


def baked(encoded, tmp_path, **settings):
    return bake(encoded, tmp_path / "b.pack", BakeSettings(**settings))


@pytest.mark.parametrize(
    "more",
    [{}, {"polar": True}, {"tile_m": 60.0}, {"polar": True, "tile_m": 60.0}],
)
def test_tiles_and_frames_are_the_same_from_both_packs(encoded, tmp_path, more):
    sizes = {"ground_size": (16, 64), "satellite_size": (20, 60)}
    path = baked(encoded, tmp_path, **sizes, **more)
    spec = InputSpec(**sizes, **more)
    with Pack.open(encoded) as before, Pack.open(path) as after:
        for make, ids in (
            (prepare_frames, ["f0", "f1"]),
            (prepare_tiles, ["t1", "t0"]),
        ):
            np.testing.assert_array_equal(
                make(before, ids, spec), make(after, ids, spec)
            )
        assert preparation_sha256(spec, pack=before) == preparation_sha256(spec)
        assert preparation_sha256(spec, pack=after) != preparation_sha256(spec)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"satellite_size": (8, 8)}, "satellite_size"),
        ({"polar": True}, "polar False and the model wants True"),
        ({"tile_m": 50.0}, "tile_m None and the model wants 50.0"),
    ],
)
def test_tiles_baked_to_another_input_are_refused(encoded, tmp_path, change, words):
    sizes = {"ground_size": (16, 64), "satellite_size": (20, 60)}
    path = baked(encoded, tmp_path, **sizes)
    with Pack.open(path) as pack, pytest.raises(DataError, match=words):
        prepare_tiles(pack, ["t0"], InputSpec(**(sizes | change)))


def test_frames_baked_to_another_size_are_refused(encoded, tmp_path):
    sizes = {"ground_size": (16, 64), "satellite_size": (20, 60)}
    path = baked(encoded, tmp_path, **sizes)
    spec = InputSpec(**(sizes | {"ground_size": (8, 64)}))
    with Pack.open(path) as pack, pytest.raises(DataError, match="bake it again"):
        prepare_frames(pack, ["f0"], spec)


def test_only_whole_pictures_are_laid_on_a_canvas(encoded, tmp_path):
    sizes = {"ground_size": (16, 64), "satellite_size": (20, 60)}
    spec = InputSpec(**sizes, north_canvas=True)
    whole = baked(encoded, tmp_path, ground_size=(20, 80), satellite_size=(20, 60))
    with Pack.open(whole) as pack:
        assert prepare_frames(pack, ["f0"], spec).shape == (1, 3, 16, 64)
    cut = tmp_path / "cut"
    cut.mkdir()
    part = baked(encoded, cut, **sizes, ground_rows=(0.25, 0.75))
    with Pack.open(part) as pack, pytest.raises(DataError, match="ground_rows"):
        prepare_frames(pack, ["f0"], spec)
