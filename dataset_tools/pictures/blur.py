"""Faces and plates made unreadable: boxes from a file, or found by a plug-in.

A plug-in is an entry point of an installed package in the group
`crossview_geobench.blur`, and is loaded only when its name is given. It is a function

    find(picture: uint8 [H, W, 3]) -> boxes [N, 4] as x0, y0, x1, y1 in pixels

It finds, and the blurring is done here, so that what a pack says of it holds for every
plug-in. Nothing that is read from a drive can name or hold code.
"""

import csv
import math
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image, ImageFilter

from dataset_tools.errors import MissingDataError, UnreadableError, UsageError, suggest
from dataset_tools.pictures.codec import Pixels
from dataset_tools.settings.picture import BlurKind

GROUP: Final = "crossview_geobench.blur"
COLUMNS: Final = ("picture", "x0", "y0", "x1", "y1")
CELLS: Final = 5
"""What is left along a box's longer side: a face of 5 cells has no features."""
LEAST_PX: Final = 2.0
"""A narrower box is no face but a share of the picture's width, or a slip."""

Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 in pixels of the upright picture, 0 at its left and upper edge."""
Boxes = Mapping[str, tuple[Box, ...]]
"""Path of a picture in its drive -> its boxes."""
Finder = Callable[[Pixels], Any]


def blurred(
    pixels: Pixels, boxes: Iterable[Box], *, kind: BlurKind, grey: int = 128
) -> Pixels:
    """A picture [H, W, 3] with what lies in boxes made unreadable.

    Args:
        pixels: not changed.
        boxes: parts outside of the picture do not matter.
        kind: "gaussian" blurs by a fifth of the longer side, "pixelate" leaves means
            of 5 cells along it, "fill" leaves nothing.
        grey: of "fill", 0..255.
    """
    result = pixels.copy()
    height, width = pixels.shape[:2]
    for x0, y0, x1, y1 in boxes:
        left, top = max(0, math.floor(x0)), max(0, math.floor(y0))
        right, bottom = min(width, math.ceil(x1)), min(height, math.ceil(y1))
        if left < right and top < bottom:
            part = result[top:bottom, left:right]
            result[top:bottom, left:right] = _unreadable(part, kind=kind, grey=grey)
    return result


def read_boxes(path: Path) -> dict[str, tuple[Box, ...]]:
    """Boxes by picture from a CSV with the columns `COLUMNS`.

    Raises:
        MissingDataError: if the file or a column is not there.
        UnreadableError: if a line holds no box.
    """
    found: dict[str, list[Box]] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            missing = [c for c in COLUMNS if c not in (rows.fieldnames or [])]
            if missing:
                message = (
                    f"{path} has no column {missing[0]!r}; a first line "
                    f"{','.join(COLUMNS)} is expected."
                )
                raise MissingDataError(message)
            for row in rows:
                box = _box(path, rows.line_num, row)
                found.setdefault(str(row["picture"]), []).append(box)
    except FileNotFoundError as error:
        if isinstance(error, MissingDataError):
            raise
        message = f"There is no file {path}; a CSV of boxes is expected."
        raise MissingDataError(message) from error
    except (UnicodeDecodeError, csv.Error) as error:
        message = f"{path} is no CSV in UTF-8: {error}."
        raise UnreadableError(message) from error
    return {name: tuple(boxes) for name, boxes in sorted(found.items())}


def refuse_boxes(
    boxes: Boxes, path: Path, *, sizes: Mapping[str, tuple[int, int] | None]
) -> None:
    """Refuse boxes that cannot be meant: a face that stays readable is no small slip.

    Args:
        boxes: from `read_boxes`.
        path: the file, for the message.
        sizes: path -> (width, height) of every picture of the drive; None if unknown.

    Raises:
        UsageError: if a box names no picture of the drive or lies outside of it.
    """
    for name, several in boxes.items():
        if name not in sizes:
            message = (
                f"{path} has boxes of {name!r}, which is no picture of the drive; "
                f"a path in it such as {min(sizes, default='a.jpg')!r} is expected."
            )
            raise UsageError(message)
        width, height = sizes[name] or (math.inf, math.inf)
        for x0, y0, x1, y1 in several:
            if x0 >= width or y0 >= height or x1 <= 0 or y1 <= 0:
                message = (
                    f"{path}: the box {x0:g},{y0:g},{x1:g},{y1:g} lies outside of "
                    f"{name!r}, which has {width} x {height} pixels once upright."
                )
                raise UsageError(message)


def load_finder(name: str) -> Finder:
    """The plug-in of this name.

    Raises:
        UsageError: if none is installed under the name, or it is no function.
    """
    finder = _entry_point(name).load()
    if not callable(finder):
        message = (
            f"The blur plug-in {name!r} is a {type(finder).__name__}; a function from "
            "a picture to boxes is expected. Tell its author."
        )
        raise UsageError(message)
    return finder  # type: ignore[no-any-return]


def finder_origin(name: str) -> dict[str, str]:
    """Name, distribution and version of a plug-in, as a pack records them.

    Raises:
        UsageError: if none is installed under the name.
    """
    point = _entry_point(name)
    distribution = point.dist
    return {
        "name": name,
        "distribution": distribution.name if distribution else "unknown",
        "version": distribution.version if distribution else "unknown",
    }


def found_boxes(finder: Finder, pixels: Pixels, *, name: str) -> tuple[Box, ...]:
    """The boxes that a plug-in finds.

    Raises:
        UsageError: if what it returns are no boxes.
    """
    # A copy: a plug-in that writes into its picture must not change the pack's.
    boxes = np.asarray(finder(pixels.copy()), dtype=np.float64)
    if boxes.size == 0:
        return ()
    if boxes.ndim != 2 or boxes.shape[1] != 4 or not np.isfinite(boxes).all():
        message = (
            f"The blur plug-in {name!r} returned an array of shape {boxes.shape}; "
            "finite boxes [N, 4] are expected. Tell its author."
        )
        raise UsageError(message)
    return tuple((a, b, c, d) for a, b, c, d in boxes.tolist())


def _entry_point(name: str) -> EntryPoint:
    points = sorted(entry_points(group=GROUP), key=lambda p: p.name)
    matching = [p for p in points if p.name == name]
    if len(matching) == 1:
        return matching[0]
    many = "several packages offer" if matching else "no installed package offers"
    message = (
        f"There is no one blur plug-in {name!r}: {many} it in the entry point group "
        f"{GROUP}. {suggest(name, {p.name for p in points})}"
    )
    raise UsageError(message)


def _box(path: Path, line: int, row: Mapping[str, str | None]) -> Box:
    texts = [row[c] or "" for c in COLUMNS[1:]]
    try:
        x0, y0, x1, y1 = (float(text) for text in texts)
    except ValueError:
        x0 = y0 = x1 = y1 = math.nan
    if not all(map(math.isfinite, (x0, y0, x1, y1))) or not row["picture"]:
        message = (
            f"{path}, line {line}: a picture and four numbers are expected, got "
            f"{row['picture']!r}: {','.join(texts)!r}."
        )
        raise UnreadableError(message)
    if x1 - x0 < LEAST_PX or y1 - y0 < LEAST_PX:
        message = (
            f"{path}, line {line}: the box {','.join(texts)} is less than {LEAST_PX:g} "
            "pixels wide or high; x0,y0,x1,y1 in pixels are expected, no shares."
        )
        raise UnreadableError(message)
    return x0, y0, x1, y1


def _unreadable(part: Pixels, *, kind: BlurKind, grey: int) -> Pixels:
    height, width = part.shape[:2]
    longer = max(height, width)
    if kind == "fill":
        return np.full_like(part, grey)
    image = Image.fromarray(np.ascontiguousarray(part))
    if kind == "gaussian":
        return np.asarray(image.filter(ImageFilter.GaussianBlur(longer / CELLS)))
    cells = max(1, width * CELLS // longer), max(1, height * CELLS // longer)
    small = image.resize(cells, Image.Resampling.BOX)
    return np.asarray(small.resize((width, height), Image.Resampling.NEAREST))
