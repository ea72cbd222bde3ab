"""Figures that are drawn without a display and saved the same in each run."""

import io
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

COLOURS: Final = {
    "train": "#0072B2",
    "val": "#E69F00",
    "test": "#D55E00",
    "dropped": "#999999",
    "": "#555555",
}
"""Okabe and Ito's palette: told apart by colour-blind readers and in print."""
INK: Final = "#1c2733"
SOFT: Final = "#5b6875"
DPI: Final = 120
THUMBNAIL_PX: Final = 1000
"""Longer side that pictures are shrunk to before they are drawn."""


def new_figure(width_in: float, height_in: float, **options: Any) -> Any:
    """A matplotlib figure that belongs to no window."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_in, height_in), dpi=DPI, **options)
    FigureCanvasAgg(figure)
    return figure


def as_png(figure: Any) -> bytes:
    """The figure as PNG, without the date or the version of what drew it."""
    target = io.BytesIO()
    figure.savefig(target, format="png", metadata={"Software": None})
    return target.getvalue()


def shortened(text: str, most: int) -> str:
    """Text cut in its middle, so that both ends of an id stay.

    >>> shortened("session/frame-000123", 13)
    'sessio…000123'
    """
    text = " ".join(str(text).split())
    if len(text) <= most:
        return text
    half = (most - 1) // 2
    return f"{text[: most - 1 - half]}…{text[-half:]}"


def thumbnail(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Pixels [H, W, 3], shrunk where they are larger than a figure shows."""
    if max(pixels.shape[:2]) <= THUMBNAIL_PX:
        return pixels
    image = Image.fromarray(pixels)
    image.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX), Image.Resampling.BILINEAR)
    return np.asarray(image)
