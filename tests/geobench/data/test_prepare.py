import numpy as np
import pytest

from geobench.data.prepare import (
    PictureStore,
    preparation_sha256,
    prepare_frames,
    prepare_tiles,
)
from geobench.errors import DataError
from geobench.model import InputSpec


def _spec(**changes):
    return InputSpec(**{"ground_size": (8, 32), "satellite_size": (8, 32), **changes})


def test_pictures_come_in_the_order_asked_for_and_channels_first(make_pack):
    pack = make_pack()
    images = prepare_frames(pack, ["f003-0", "f001-0"], _spec(), workers=2)
    assert images.shape == (2, 3, 8, 32)
    assert images.dtype == np.uint8
    wanted = pack.picture("frame", "f003-0").transpose(2, 0, 1)
    assert np.array_equal(images[0], wanted)


def test_pictures_are_resized_to_the_models_size(make_pack):
    images = prepare_tiles(make_pack(), ["t000"], _spec(satellite_size=(16, 16)))
    assert images.shape == (1, 3, 16, 16)


def test_the_number_of_workers_does_not_change_anything(make_pack):
    pack = make_pack(size=(32, 32))
    ids = sorted(pack.tiles.index)
    spec = _spec(polar=True)
    one = prepare_tiles(pack, ids, spec, workers=1)
    assert np.array_equal(one, prepare_tiles(pack, ids, spec, workers=4))


def test_a_polar_tile_looks_north_in_its_middle(make_pack):
    pack = make_pack(size=(64, 64))
    tile = np.zeros((64, 64, 3), np.uint8)
    tile[:16, 30:34] = 255  # due north of the centre
    pack._pictures["tile", "t000"] = tile
    image = prepare_tiles(pack, ["t000"], _spec(polar=True))[0, 0]
    assert image[1].argmax() == 16
    tile = np.zeros((64, 64, 3), np.uint8)
    tile[30:34, 48:] = 255  # due east
    pack._pictures["tile", "t000"] = tile
    image = prepare_tiles(pack, ["t000"], _spec(polar=True))[0, 0]
    assert image[1].argmax() == 24


def test_a_tile_wider_than_the_models_is_cropped_about_its_centre(make_pack):
    pack = make_pack(size=(64, 64))
    tile = np.zeros((64, 64, 3), np.uint8)
    tile[16:48, 16:48] = 255
    pack._pictures["tile", "t000"] = tile
    spec = _spec(satellite_size=(32, 32), tile_m=40.0)
    assert (prepare_tiles(pack, ["t000"], spec) == 255).all()


def test_a_panorama_on_a_north_canvas_is_rolled_by_its_heading(make_pack):
    pack = make_pack()
    panorama = np.zeros((8, 32, 3), np.uint8)
    panorama[:, 8] = 255
    pack._pictures["frame", "f000-0"] = panorama
    pack.frames.loc["f000-0", "heading_deg"] = 90.0
    images = prepare_frames(pack, ["f000-0"], _spec(north_canvas=True))
    assert images[0, 0, 0].argmax() == 16


def test_a_flat_picture_covers_its_part_of_a_north_canvas(make_pack):
    pack = make_pack(projection="perspective")
    pack.frames.loc["f000-0", "heading_deg"] = 90.0
    images = prepare_frames(pack, ["f000-0"], _spec(north_canvas=True))
    unseen = (images[0] == 128).all(0)
    assert unseen[:, :19].all()
    assert not unseen[4, 22:26].any()


@pytest.mark.parametrize("column", ["heading_deg", "hfov_deg"])
def test_a_frame_without_direction_is_refused_with_its_name(make_pack, column):
    pack = make_pack(projection="perspective")
    pack.frames.loc["f002-0", column] = np.nan
    with pytest.raises(DataError, match=r"1 of 3 frames .* 'f002-0'"):
        prepare_frames(pack, ["f000-0", "f001-0", "f002-0"], _spec(north_canvas=True))


def test_a_store_prepares_each_set_of_pictures_once(make_pack):
    pack = make_pack()
    store = PictureStore(_spec())
    first = store.get(pack, "tile", ["t000", "t001"])
    asked = len(pack.asked)
    assert store.get(pack, "tile", ["t000", "t001"]) is first
    assert len(pack.asked) == asked
    assert not first.flags.writeable


def test_the_preparation_hash_changes_with_every_setting():
    specs = [
        _spec(),
        _spec(polar=True),
        _spec(mean=(0.4, 0.5, 0.5)),
        _spec(tile_m=70.0),
    ]
    assert len({preparation_sha256(s) for s in specs}) == len(specs)
    assert preparation_sha256(_spec(ground_size=[8, 32])) == preparation_sha256(_spec())
