import math

import pytest
import torch

from geobench.data.transforms import (
    disturb_colours,
    draw_colours,
    layout_simulation,
    turn_batch,
)
from geobench.errors import ConfigError

SIZE = 65  # odd, so that a tile has a middle pixel
WIDTH = 72


def semantic_augmentation(images, generator, strength="strong"):
    draws = draw_colours(len(images), generator, strength=strength)
    return disturb_colours(images, draws, strength=strength)


def _tile(bearing_deg, *, polar, radius=24):
    """A north-up tile, or polar image, with one mark at a bearing."""
    angle = math.radians(bearing_deg)
    if polar:
        image = torch.zeros(3, 16, WIDTH)
        image[:, 5, _column(bearing_deg)] = 1.0
        return image
    image = torch.zeros(3, SIZE, SIZE)
    row = SIZE // 2 - radius * math.cos(angle)
    image[:, round(row), round(SIZE // 2 + radius * math.sin(angle))] = 1.0
    return image


def _column(bearing_deg, width=WIDTH):
    return round((bearing_deg + 180.0) / 360.0 * width) % width


def _tile_bearing(image, *, polar):
    row, column = divmod(int(image[0].argmax()), image.shape[-1])
    if polar:
        return (360.0 * column / image.shape[-1] - 180.0) % 360.0
    middle = SIZE // 2
    return math.degrees(math.atan2(column - middle, middle - row)) % 360.0


def _ground_bearing(picture, heading_deg, *, hfov_deg):
    """Bearing of the mark in a picture whose columns are evenly spaced in angle."""
    column, width = int(picture[0, 0].argmax()), picture.shape[-1]
    middle = width / 2 if hfov_deg == 360.0 else (width - 1) / 2
    return (heading_deg + (column - middle) * hfov_deg / width) % 360.0


def _batch(bearings, *, polar, projection, heading=0.0):
    count = len(bearings)
    hfov = 360.0 if projection == "equirectangular" else 90.0
    ground = torch.zeros(count, 2, 3, 4, WIDTH)
    for picture, bearing in zip(ground, bearings, strict=True):
        away = (bearing - heading + 180.0) % 360.0 - 180.0
        middle = WIDTH / 2 if hfov == 360.0 else (WIDTH - 1) / 2
        picture[..., round(away * WIDTH / hfov + middle) % WIDTH] = 1.0
    tiles = torch.stack([_tile(b, polar=polar) for b in bearings])
    angle = torch.deg2rad(torch.tensor(bearings, dtype=torch.float32))
    offset = torch.stack([angle.sin(), angle.cos()], 1)
    return {
        "ground": ground,
        "frame_mask": torch.ones(count, 2, dtype=torch.bool),
        "satellite": tiles,
        "semi_satellite": tiles.clone(),
        "offset_m": offset,
        "semi_offset_m": offset.clone(),
        "position_m": torch.arange(2.0 * count).view(count, 2),
        "heading_deg": torch.full((count, 2), heading),
        "projection": [projection] * count,
        "polar": polar,
    }


def _apart(a, b):
    return abs((a - b + 180.0) % 360.0 - 180.0)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    ("polar", "projection", "strength"),
    [
        (True, "equirectangular", "strong"),
        (True, "equirectangular", "continuous"),
        (True, "perspective", "continuous"),
        (True, "perspective", "strong"),
        (False, "equirectangular", "strong"),
        (False, "perspective", "strong"),
        (False, "perspective", "weak"),
    ],
)
def test_a_mark_stays_at_one_bearing_in_both_views(polar, projection, strength, seed):
    bearings = [10.0, 30.0, 60.0, 20.0, 45.0, 5.0, 70.0, 35.0]
    batch = _batch(bearings, polar=polar, projection=projection, heading=40.0)
    draw = torch.Generator().manual_seed(seed)
    out = layout_simulation(batch, draw, strength=strength)
    hfov = 360.0 if projection == "equirectangular" else 90.0
    for index in range(len(bearings)):
        satellite = _tile_bearing(out["satellite"][index], polar=polar)
        heading = float(out["heading_deg"][index, 0])
        ground = _ground_bearing(out["ground"][index, 0], heading, hfov_deg=hfov)
        east, north = out["offset_m"][index].tolist()
        offset = math.degrees(math.atan2(east, north)) % 360.0
        assert _apart(satellite, ground) <= 8.0
        assert _apart(satellite, offset) <= 4.0
        assert _tile_bearing(out["semi_satellite"][index], polar=polar) == satellite


def test_turns_and_flips_really_happen():
    batch = _batch([10.0] * 64, polar=True, projection="equirectangular")
    out = layout_simulation(batch, torch.Generator().manual_seed(0))
    found = {round(_tile_bearing(t, polar=True)) for t in out["satellite"]}
    assert found == {10, 100, 190, 280, 350, 80, 170, 260}


def test_a_limited_view_is_never_rolled():
    batch = _batch([30.0] * 16, polar=True, projection="perspective", heading=20.0)
    turn = torch.arange(16) % 4
    out = turn_batch(batch, flip=torch.zeros(16, dtype=torch.bool), turn=turn, steps=4)
    assert torch.equal(out["ground"], batch["ground"])
    assert out["heading_deg"][:4, 0].tolist() == [20.0, 290.0, 200.0, 110.0]


def test_a_flip_mirrors_a_limited_view_and_its_heading():
    batch = _batch([30.0], polar=False, projection="perspective", heading=20.0)
    flip = torch.ones(1, dtype=torch.bool)
    out = turn_batch(batch, flip=flip, turn=torch.zeros(1, dtype=torch.long), steps=4)
    assert torch.equal(out["ground"], batch["ground"].flip(-1))
    assert torch.equal(out["satellite"], batch["satellite"].flip(-1))
    assert out["heading_deg"][0, 0] == 340.0


@pytest.mark.parametrize("polar", [True, False])
def test_a_turn_and_its_opposite_give_back_the_batch(polar):
    batch = _batch([30.0, 70.0], polar=polar, projection="equirectangular")
    keep = torch.zeros(2, dtype=torch.bool)
    there = turn_batch(batch, flip=keep, turn=torch.tensor([1, 3]), steps=4)
    back = turn_batch(there, flip=keep, turn=torch.tensor([3, 1]), steps=4)
    for key in ("ground", "satellite", "semi_satellite", "heading_deg"):
        assert torch.equal(back[key], batch[key])
    assert torch.allclose(back["offset_m"], batch["offset_m"], atol=1e-6)


def test_quarter_turns_move_odd_widths_by_inverse_columns():
    images = torch.arange(671.0).expand(1, 1, 3, 2, 671)
    batch = _batch([0.0], polar=True, projection="equirectangular")
    batch["ground"], batch["satellite"] = images, images[0]
    keep = torch.zeros(1, dtype=torch.bool)
    starts = {}
    for quarter in (1, 2, 3):
        out = turn_batch(batch, flip=keep, turn=torch.tensor([quarter]), steps=4)
        starts[quarter] = int(out["ground"][0, 0, 0, 0, 0])
        assert torch.equal(out["ground"][0], out["satellite"])
    assert starts[1] + starts[3] == 671


@pytest.mark.parametrize(
    ("rule", "starts", "mirrored"),
    [
        ("exact", [2, 4, 5], [0, 6, 5]),
        ("geodtr", [1, 3, 5], [6, 5, 4]),
        ("geodtr_plus", [1, 3, 6], [6, 5, 4]),
    ],
)
def test_each_rule_rounds_and_mirrors_seven_columns_as_counted_by_hand(
    rule, starts, mirrored
):
    # A quarter of 7 columns is 1.75, half 3.5, three quarters 5.25.
    batch = _batch([0.0], polar=True, projection="equirectangular")
    batch["ground"] = torch.arange(7.0).expand(1, 1, 3, 2, 7)
    batch["satellite"] = batch["ground"][0]
    no, yes = torch.zeros(1, dtype=torch.bool), torch.ones(1, dtype=torch.bool)
    found = []
    for quarter in (1, 2, 3):
        turn = torch.tensor([quarter])
        out = turn_batch(batch, flip=no, turn=turn, steps=4, columns=rule)
        assert torch.equal(out["ground"][0], out["satellite"])
        found.append(int(out["ground"][0, 0, 0, 0, 0]))
    assert found == starts
    turn = torch.tensor([0])
    out = turn_batch(batch, flip=yes, turn=turn, steps=4, columns=rule)
    assert out["satellite"][0, 0, 0, :3].tolist() == mirrored


def test_distances_between_samples_and_the_given_batch_stay():
    batch = _batch([10.0] * 8, polar=True, projection="equirectangular")
    before = batch["satellite"].clone()
    out = layout_simulation(batch, torch.Generator().manual_seed(1))
    assert torch.equal(out["position_m"], batch["position_m"])
    assert torch.equal(batch["satellite"], before)
    assert layout_simulation(batch, torch.Generator(), strength="none") is batch


def test_an_unknown_heading_stays_unknown():
    batch = _batch([10.0] * 4, polar=True, projection="perspective")
    batch["heading_deg"][:] = float("nan")
    out = layout_simulation(batch, torch.Generator().manual_seed(1))
    assert out["heading_deg"].isnan().all()


def test_the_same_seed_gives_the_same_batch():
    batch = _batch([10.0] * 8, polar=False, projection="perspective")
    one = layout_simulation(batch, torch.Generator().manual_seed(5))
    two = layout_simulation(batch, torch.Generator().manual_seed(5))
    assert torch.equal(one["satellite"], two["satellite"])


def test_impossible_turns_are_refused_with_a_way_out():
    batch = _batch([10.0], polar=False, projection="perspective")
    with pytest.raises(ConfigError, match="polar tiles only"):
        layout_simulation(batch, torch.Generator(), strength="continuous")
    batch["satellite"] = batch["satellite"][..., :20]
    with pytest.raises(ConfigError, match="square"):
        layout_simulation(batch, torch.Generator())
    with pytest.raises(ConfigError, match="Unknown layout"):
        layout_simulation(batch, torch.Generator(), strength="stron")
    with pytest.raises(ConfigError, match="Did you mean 'geodtr'"):
        layout_simulation(batch, torch.Generator(), strength="weak", columns="geodr")


def test_semantic_augmentation_stays_in_range_and_differs_between_images():
    images = torch.full((6, 3, 8, 8), 128, dtype=torch.uint8)
    images[:, 0] = 200
    out = semantic_augmentation(images, torch.Generator().manual_seed(0))
    assert out.dtype == torch.float32
    assert out.min() >= 0
    assert out.max() <= 1
    assert not torch.allclose(out[0], out[1])


def test_the_blur_runs_along_columns_only():
    images = torch.zeros(32, 3, 9, 9)
    images[..., 4, 4] = 1.0
    out = semantic_augmentation(images, torch.Generator().manual_seed(0))
    spread = (out - out[..., :1, :1]).abs().amax((0, 1)) > 1e-3
    assert spread[:, 4].sum() == 5
    assert spread.sum() == 5


def test_no_semantic_augmentation_gives_the_picture_back():
    images = torch.randint(0, 256, (2, 3, 4, 4), dtype=torch.uint8)
    out = semantic_augmentation(images, torch.Generator(), strength="none")
    assert torch.equal((out * 255).round().to(torch.uint8), images)
    with pytest.raises(ConfigError, match="Unknown semantic"):
        semantic_augmentation(images, torch.Generator(), strength="max")
