"""What each frame of a pack shows: a crop, a panorama turned north, or all of it.

Decided before sequences are formed, from headers alone, so that a picture which cannot
show what is asked for is a counted rejection and no surprise while a pack is written.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal

from dataset_tools.errors import UsageError
from dataset_tools.pictures.gpano import extent_of
from dataset_tools.pictures.mask import Mask, mask_fault
from dataset_tools.pictures.sphere import View, degrees_beyond, yaw_to_north
from dataset_tools.records import Extent, Frame, Outcome, Projection, Rejection
from dataset_tools.settings.picture import BlurKind

STAGE: Final = "view"

_Fault = tuple[str, float | str | None, float | str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureRule:
    """What is done to the pictures of frames, in this order; by default nothing.

    Attributes:
        blur_boxes: CSV of boxes to make unreadable.
        blur: name of the plug-in that finds more.
        blur_kind: how they are made unreadable.
        mask: picture, white where the vehicle hides the street.
        mask_bottom_px: rows from the bottom that it hides.
        grey: of what is masked or filled.
        crop: camera that crops are cut with, its yaw from the panorama's middle.
        crop_bearing_deg: where crops look instead of the yaw, from true north.
        north_up: turn panoramas, north in their middle column.
        width_px: shrink wider pictures to this.
        quality: of JPEGs that are encoded again.
    """

    blur_boxes: Path | None = None
    blur: str | None = None
    blur_kind: BlurKind = "gaussian"
    mask: Path | None = None
    mask_bottom_px: int = 0
    grey: int = 128
    crop: View | None = None
    crop_bearing_deg: float | None = None
    north_up: bool = False
    width_px: int | None = None
    quality: int = 95

    def __post_init__(self) -> None:
        """Refuse a rule that contradicts itself.

        Raises:
            UsageError: if it does.
        """
        if self.crop and self.north_up:
            message = (
                "Crops and panoramas turned north exclude each other; for crops that "
                "look north give --crop-bearing-deg 0."
            )
            raise UsageError(message)
        if self.crop_bearing_deg is not None and not self.crop:
            message = "A bearing of crops needs their width: give --crop-hfov-deg too."
            raise UsageError(message)

    @property
    def decides_view(self) -> bool:
        """Whether a frame can fail it: whether there is a stage to report."""
        return bool(self.crop or self.north_up or self.mask or self.mask_bottom_px)


def stated(
    frames: Iterable[Frame],
    projection: Projection | Literal["as-tagged"],
    *,
    hfov_deg: float | None,
) -> list[Frame]:
    """Frames with what the user knows of the camera where their files do not say it.

    Args:
        frames: with pictures.
        projection: of those not known to be panoramas; "as-tagged" adds nothing.
        hfov_deg: of perspective pictures that state none.
    """
    result = []
    for frame in frames:
        if projection == "perspective" and frame.projection != projection:
            known: float | None = hfov_deg
            frame = replace(frame, projection=projection, hfov_deg=known, extent=None)
        elif projection == "equirectangular" and frame.extent is None:
            extent = extent_of({}, frame.size_px or (2, 1))
            frame = replace(
                frame, projection=projection, hfov_deg=extent.width_deg, extent=extent
            )
        elif frame.projection == "perspective" and frame.hfov_deg is None:
            frame = replace(frame, hfov_deg=hfov_deg)
        result.append(frame)
    return result


def decide_views(
    frames: Iterable[Frame], rule: PictureRule, *, mask: Mask | None
) -> Outcome[Frame]:
    """Frames with heading, field of view and projection of what they will show.

    Args:
        frames: cleaned, with the headings of their whole pictures.
        rule: what is done to pictures.
        mask: read from `rule.mask`.
    """
    outcome: Outcome[Frame] = Outcome()
    for frame in frames:
        seen = frame if frame.source is None else _seen(frame, rule, mask)
        if isinstance(seen, Frame):
            outcome.kept.append(seen)
        else:
            reason, measured, limit = seen
            outcome.rejected.append(
                Rejection(
                    item=frame.frame_id,
                    stage=STAGE,
                    reason=reason,
                    measured=measured,
                    limit=limit,
                )
            )
    return outcome


def _seen(frame: Frame, rule: PictureRule, mask: Mask | None) -> Frame | _Fault:
    if frame.size_px is not None:
        fault = mask_fault(frame.size_px, mask, bottom_px=rule.mask_bottom_px)
        if fault is not None:
            return "mask-size", *fault
    if rule.crop is None and not rule.north_up:
        return frame
    if frame.extent is None or frame.size_px is None:
        return "no-panorama", frame.projection, "equirectangular"
    if rule.crop is None:
        return _to_north(frame, frame.extent, frame.size_px[0])
    return _cropped(frame, frame.extent, rule.crop, rule.crop_bearing_deg)


def _cropped(
    frame: Frame, extent: Extent, camera: View, bearing_deg: float | None
) -> Frame | _Fault:
    yaw = camera.yaw_deg
    if bearing_deg is not None:
        if frame.heading_deg is None:
            return "no-heading", None, "a heading, to cut at a bearing"
        yaw = (bearing_deg - frame.heading_deg + 180.0) % 360.0 - 180.0
    # All the way round no yaw reaches an edge.
    aside = 0.0 if extent.width_deg >= 360.0 else yaw
    beyond = _beyond(replace(camera, yaw_deg=aside), extent)
    if beyond > 0.0:
        return "crop-beyond-panorama", beyond, 0.0
    heading = frame.heading_deg
    return replace(
        frame,
        projection="perspective",
        hfov_deg=camera.hfov_deg,
        heading_deg=None if heading is None else (heading + yaw) % 360.0,
        yaw_deg=yaw,
    )


def _to_north(frame: Frame, extent: Extent, width_px: int) -> Frame | _Fault:
    if extent.width_deg < 360.0:
        return "part-of-a-circle", extent.width_deg, 360.0
    if frame.heading_deg is None:
        return "no-heading", None, "a heading, to turn north"
    yaw = yaw_to_north(width_px, frame.heading_deg)
    return replace(frame, heading_deg=(frame.heading_deg + yaw) % 360.0, yaw_deg=yaw)


@lru_cache(maxsize=256)
def _beyond(view: View, extent: Extent) -> float:
    return degrees_beyond(view, extent)
