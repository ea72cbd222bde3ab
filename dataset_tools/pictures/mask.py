"""What the vehicle hides: a mask laid over every picture, once, by the build."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from dataset_tools.errors import MissingDataError, UnreadableError, UsageError
from dataset_tools.pictures.codec import Pixels, decode, read_picture

Mask = npt.NDArray[np.bool_]
"""[H, W], True where the vehicle hides the street."""

WHITE = 128


def read_mask(path: Path) -> Mask:
    """A mask from a picture: white (128 and more in each channel) is hidden.

    Raises:
        MissingDataError: if the file is not there.
        UnreadableError: if it is no picture.
        UsageError: if it hides nothing or everything.
    """
    try:
        pixels = decode(read_picture(path))
    except FileNotFoundError as error:
        message = f"There is no file {path}; a picture as mask is expected."
        raise MissingDataError(message) from error
    except OSError as error:
        message = f"The mask {path} cannot be read: {error}"
        raise UnreadableError(message) from error
    mask: Mask = pixels.min(axis=2) >= WHITE
    if mask.all() or not mask.any():
        what = "everything" if mask.all() else "nothing"
        message = (
            f"The mask {path} hides {what}; a picture that is white where the vehicle "
            "is and black elsewhere is expected."
        )
        raise UsageError(message)
    return mask


def mask_fault(
    size: tuple[int, int], mask: Mask | None, *, bottom_px: int
) -> tuple[str, str] | None:
    """(measured, limit) if a picture cannot be masked, else None.

    Args:
        size: width and height of the picture, px.
        mask: of another size it does not fit.
        bottom_px: rows from the bottom; as many as there are leave nothing.
    """
    if mask is not None and mask.shape != size[::-1]:
        return _told(size), _told(mask.shape[::-1])
    if bottom_px >= size[1]:
        return _told(size), f"more than {bottom_px} rows"
    return None


def masked(pixels: Pixels, mask: Mask | None, *, bottom_px: int, grey: int) -> Pixels:
    """A picture [H, W, 3] with what is hidden in grey (0..255)."""
    result = pixels.copy()
    if mask is not None:
        result[mask] = grey
    if bottom_px:
        result[-bottom_px:] = grey
    return result


def _told(size: tuple[int, ...]) -> str:
    return f"{size[0]} x {size[1]} px"
