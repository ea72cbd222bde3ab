"""What the vehicle hides."""

import numpy as np
import pytest
from file_bytes import picture, saved

from dataset_tools.errors import MissingDataError, UnreadableError, UsageError
from dataset_tools.pictures.mask import mask_fault, masked, read_mask


def test_white_is_hidden_and_all_else_stays(tmp_path):
    drawn = np.zeros((24, 32), np.uint8)
    drawn[20:, 5:] = 255
    drawn[0, 0] = 127
    (tmp_path / "m.png").write_bytes(saved(drawn, "PNG"))
    mask = read_mask(tmp_path / "m.png")
    found = masked(picture(), mask, bottom_px=1, grey=77)
    hidden = np.zeros((24, 32), bool)
    hidden[20:, 5:] = hidden[23:] = True
    assert (found[hidden] == 77).all()
    assert np.array_equal(found[~hidden], picture()[~hidden])


@pytest.mark.parametrize(
    ("mask", "bottom", "fault"),
    [
        (None, 23, None),
        (None, 24, ("32 x 24 px", "more than 24 rows")),
        (np.ones((24, 32), bool), 0, None),
        (np.ones((32, 24), bool), 0, ("32 x 24 px", "24 x 32 px")),
    ],
)
def test_a_mask_fits_or_it_is_said_why_not(mask, bottom, fault):
    assert mask_fault((32, 24), mask, bottom_px=bottom) == fault


@pytest.mark.parametrize(("value", "what"), [(0, "nothing"), (255, "everything")])
def test_a_mask_of_one_colour_is_refused(tmp_path, value, what):
    path = tmp_path / "m.png"
    path.write_bytes(saved(np.full((4, 4), value, np.uint8), "PNG"))
    with pytest.raises(UsageError, match=f"hides {what}"):
        read_mask(path)


def test_a_mask_that_is_missing_or_no_picture_is_one_sentence(tmp_path):
    with pytest.raises(MissingDataError, match="There is no file"):
        read_mask(tmp_path / "m.png")
    (tmp_path / "m.png").write_text("white")
    with pytest.raises(UnreadableError, match=r"The mask .* cannot be read"):
        read_mask(tmp_path / "m.png")
