from itertools import pairwise

import numpy as np
import pytest
import torch

from geobench.data.dataset import FrameChoice, PackDataset, TileDataset
from geobench.data.prepare import PictureStore
from geobench.errors import ConfigError, DataError
from geobench.model import InputSpec


def _data(packs, *, max_frames=1, frames=None, split="train", **spec):
    inputs = InputSpec(**{"ground_size": (8, 32), "satellite_size": (8, 32), **spec})
    return PackDataset(
        packs,
        scheme="area",
        split=split,
        store=PictureStore(inputs, workers=1),
        max_frames=max_frames,
        frames=frames,
    )


def test_a_batch_has_the_contracts_keys_shapes_and_types(make_pack):
    batch = _data(make_pack(length=3), max_frames=3).batch([0, 5])
    assert batch["ground"].shape == (2, 3, 3, 8, 32)
    assert batch["satellite"].shape == batch["semi_satellite"].shape == (2, 3, 8, 32)
    assert batch["frame_mask"].dtype == torch.bool
    assert batch["heading_deg"].shape == (2, 3)
    assert batch["ground"].dtype == batch["position_m"].dtype == torch.float32
    assert batch["offset_m"].tolist() == [[3.0, 4.0], [3.0, 4.0]]
    assert batch["semi_offset_m"].tolist() == [[0.0, 100.0], [0.0, 100.0]]
    assert batch["sequence_id"] == ["s000", "s005"]
    assert batch["tile_id"] == ["t000", "t005"]
    assert batch["semi_tile_id"] == ["t001", "t006"]
    assert batch["projection"] == ["equirectangular"] * 2


def test_pictures_are_normalised_by_the_spec(make_pack):
    pack = make_pack()
    data = _data(pack, mean=(0.5, 0.4, 0.3), std=(0.5, 0.2, 0.1))
    got = data.batch([2])["satellite"][0].numpy()
    raw = pack.picture("tile", "t002").transpose(2, 0, 1) / 255.0
    mean, std = np.array([0.5, 0.4, 0.3]), np.array([0.5, 0.2, 0.1])
    wanted = (raw - mean[:, None, None]) / std[:, None, None]
    assert np.allclose(got, wanted, atol=1e-5)


def test_missing_frames_are_masked_at_the_end(make_pack):
    data = _data(make_pack(length=3), max_frames=5)
    batch = data.batch([0])
    assert batch["frame_mask"].tolist() == [[True, True, True, False, False]]
    assert batch["heading_deg"][0, 3:].isnan().all()


def test_a_single_image_model_sees_the_middle_frame(make_pack):
    pack = make_pack(length=5)
    data = _data(pack)
    wanted = _data(pack, max_frames=5).batch([4])["ground"][0, 2]
    assert torch.equal(data.batch([4])["ground"][0, 0], wanted)
    assert {i for kind, i in pack.asked if kind == "frame"} >= {"f004-2"}


def test_a_longer_sequence_gives_its_middle_frames(make_pack):
    pack = make_pack(length=7)
    short, whole = _data(pack, max_frames=3), _data(pack, max_frames=7)
    middle = whole.batch([1])["ground"][:, 2:5]
    assert torch.equal(short.batch([1])["ground"], middle)


@pytest.mark.parametrize(
    ("keep", "wanted"),
    [("centre-out", [0, 0, 1, 1, 1, 0, 0]), ("first", [1, 1, 1, 0, 0, 0, 0])],
)
def test_a_frame_choice_masks_and_keeps_positions(make_pack, keep, wanted):
    pack = make_pack(length=7)
    choice = FrameChoice(count=3, keep=keep)
    batch = _data(pack, max_frames=7, frames=choice).batch([0])
    assert batch["frame_mask"].int().tolist() == [wanted]
    assert torch.equal(batch["ground"], _data(pack, max_frames=7).batch([0])["ground"])


@pytest.mark.parametrize("keep", ["centre-out", "first", "random"])
def test_more_frames_always_contain_fewer(keep):
    masks = [FrameChoice(count=c, keep=keep, seed=3).mask(7, "s") for c in range(1, 8)]
    for count, (small, large) in enumerate(pairwise(masks), 1):
        assert small.sum() == count
        assert not (small & ~large).any()


def test_random_frames_depend_on_seed_and_sequence_only():
    def draws(seed):
        choice = FrameChoice(count=3, keep="random", seed=seed)
        return [choice.mask(7, f"s{i}").tolist() for i in range(20)]

    assert draws(0) == draws(0) != draws(1)
    assert len({str(d) for d in draws(0)}) > 5


def test_a_wrong_frame_choice_is_refused():
    with pytest.raises(ConfigError, match="at least 1 frame"):
        FrameChoice(count=0).mask(7, "s")
    with pytest.raises(ConfigError, match="centre-out"):
        FrameChoice(count=1, keep="last").mask(7, "s")


def test_without_a_semi_positive_the_positive_stands_in(make_pack):
    data = _data(make_pack(), split="val")
    batch = data.batch([0], generator=torch.Generator().manual_seed(0))
    assert batch["semi_tile_id"] == batch["tile_id"]
    assert torch.equal(batch["semi_satellite"], batch["satellite"])
    assert torch.equal(batch["semi_offset_m"], batch["offset_m"])


def test_several_packs_are_one_data_set(make_pack):
    packs = [make_pack("a", seed=1), make_pack("b", seed=2)]
    both = _data(packs)
    assert len(both) == 48
    for index, pack in ((3, packs[0]), (27, packs[1])):
        alone = _data(pack).batch([3])
        joint = both.batch([5, index, 40])
        for key in ("ground", "satellite", "semi_satellite"):
            assert torch.equal(joint[key][1], alone[key][0])


def test_positions_are_metres_east_and_north(make_pack):
    position = _data(make_pack()).position_m
    step = np.diff(position, axis=0)
    assert np.allclose(step[:, 0], 0.0, atol=0.01)
    assert np.allclose(step[:, 1], 100.0, atol=0.1)


def test_a_canvas_is_a_panorama_that_looks_north(make_pack):
    pack = make_pack(projection="perspective", length=2)
    pack.frames["heading_deg"] = 90.0
    data = _data(pack, max_frames=3, north_canvas=True)
    batch = data.batch([0])
    assert batch["projection"] == ["equirectangular"]
    assert batch["heading_deg"][0, :2].tolist() == [0.0, 0.0]
    assert batch["ground"][0, 0, :, :, 4].abs().max() < 0.005


def test_unseen_canvas_stays_at_zero_under_augmentation(make_pack):
    pack = make_pack(projection="perspective")
    draw = torch.Generator().manual_seed(0)
    data = _data(pack, north_canvas=True)
    batch = data.batch([0, 1], generator=draw, semantic="strong")
    assert (batch["ground"][..., :4] == 0).all()
    assert not torch.equal(batch["ground"], data.batch([0, 1])["ground"])


def test_queries_touch_no_tile(make_pack):
    pack = make_pack()
    _data(pack).queries(np.arange(3))
    assert {kind for kind, _ in pack.asked} == {"frame"}


def test_iterating_gives_every_sequence_once_in_order(make_pack):
    data = _data(make_pack())
    names = [i for batch in data.iterate(10) for i in batch["sequence_id"]]
    assert names == sorted(names) == data.sequence_ids


def test_a_gallery_gives_its_tiles_in_order(make_pack):
    pack = make_pack()
    store = PictureStore(InputSpec(ground_size=(8, 32), satellite_size=(8, 32)))
    tiles = TileDataset(pack, ["t005", "t001"], store=store)
    wanted = _data(pack).batch([5, 1])["satellite"]
    assert torch.equal(tiles.batch(np.arange(2)), wanted)


def test_a_split_without_sequences_is_an_empty_data_set(make_pack):
    data = _data([make_pack(), make_pack("b")], split="test")
    assert len(data) == 0
    assert list(data.iterate(4)) == []


def test_a_sequence_without_positive_is_refused(make_pack):
    pack = make_pack()
    pack.sequences.at["s001", "positives"] = np.array([], object)
    with pytest.raises(DataError, match=r"'s001' .* no positive"):
        _data(pack)
