"""What a build knows of the camera: its pictures whole, its place, what frames show."""

from collections.abc import Mapping
from pathlib import Path

from dataset_tools.build_settings import DriveSettings
from dataset_tools.errors import UsageError
from dataset_tools.pictures.blur import refuse_boxes
from dataset_tools.pictures.faces import CubeRule, face_names, join_faces
from dataset_tools.pictures.files import picture_paths
from dataset_tools.pictures.sphere import View, height_for
from dataset_tools.pictures.view import PictureRule, stated
from dataset_tools.pictures.work import Tools
from dataset_tools.records import Frame, Outcome
from dataset_tools.settings.picture import PictureSettings
from dataset_tools.tracks.lever_arm import LeverArm, at_camera, looking

CROP_SHAPE = 0.75
"""Height of a crop to its width where no vertical field of view is given."""


def whole_pictures(
    settings: DriveSettings, frames: list[Frame], *, need_position: bool
) -> tuple[list[Frame], Outcome[Frame] | None]:
    """Frames of pictures as they were taken: cubes put together, projections stated.

    Args:
        settings: of the camera.
        frames: one a file.
        need_position: reject a cube without one.

    Returns:
        The frames, and what became of the files if they were cube faces.
    """
    joined = None
    if settings.cube_faces is not None:
        rule = CubeRule(
            names=face_names(settings.cube_faces),
            width_px=settings.panorama_width_px,
            vfov_deg=settings.panorama_vfov_deg,
        )
        joined = join_faces(frames, rule, need_position=need_position)
        frames = joined.kept
    hfov = settings.camera_hfov_deg
    return stated(frames, settings.projection, hfov_deg=hfov), joined


def moved_to_camera(
    settings: DriveSettings, frames: list[Frame], *, before: list[Frame]
) -> Outcome[Frame]:
    """Cleaned frames where the camera was, looking where it looked.

    Args:
        settings: of the camera.
        frames: after cleaning.
        before: the same before cleaning, which fills headings from the course.
    """
    own = {f.frame_id for f in before if f.heading_deg is not None}
    arm = LeverArm(
        forward_m=settings.camera_forward_m,
        right_m=settings.camera_right_m,
        up_m=settings.camera_up_m,
        yaw_deg=settings.camera_yaw_deg,
    )
    return at_camera(looking(frames, own, arm.yaw_deg), arm)


def is_off_antenna(settings: DriveSettings) -> bool:
    """Whether the camera sits or looks elsewhere than the antenna."""
    return any(
        (
            settings.camera_forward_m,
            settings.camera_right_m,
            settings.camera_up_m,
            settings.camera_yaw_deg,
        )
    )


def picture_rule(settings: PictureSettings) -> PictureRule:
    """What the settings do to pictures.

    Raises:
        UsageError: if they contradict themselves.
    """
    if settings.crop_vfov_deg is not None and settings.crop_hfov_deg is None:
        message = "A height of crops needs their width: give --crop-hfov-deg as well."
        raise UsageError(message)
    return PictureRule(
        blur_boxes=settings.blur_boxes,
        blur=settings.blur,
        blur_kind=settings.blur_kind,
        mask=settings.mask,
        mask_bottom_px=settings.mask_bottom_px,
        grey=settings.fill_grey,
        crop=_camera(settings),
        crop_bearing_deg=settings.crop_bearing_deg,
        north_up=settings.north_up,
        width_px=settings.frame_width_px,
        quality=settings.jpeg_quality,
    )


def refuse_stray_boxes(tools: Tools, drive: Path, frames: Mapping[str, Frame]) -> None:
    """Refuse boxes of pictures that the drive does not have, or beside them.

    Args:
        tools: with the boxes.
        drive: folder of the pictures.
        frames: those whose sizes are known.

    Raises:
        UsageError: if there is such a box.
    """
    if tools.rule.blur_boxes is None:
        return
    sizes: dict[str, tuple[int, int] | None] = {
        path.relative_to(drive).as_posix(): None for path in picture_paths(drive).kept
    }
    for frame in frames.values():
        if frame.source in sizes and not frame.faces:
            sizes[frame.source] = frame.size_px
    refuse_boxes(tools.boxes, tools.rule.blur_boxes, sizes=sizes)


def _camera(settings: PictureSettings) -> View | None:
    hfov, width = settings.crop_hfov_deg, settings.crop_width_px
    if hfov is None:
        return None
    if settings.crop_vfov_deg is None:
        height = round(width * CROP_SHAPE)
    else:
        height = height_for(width, hfov_deg=hfov, vfov_deg=settings.crop_vfov_deg)
    return View(
        hfov_deg=hfov,
        width_px=width,
        height_px=height,
        yaw_deg=settings.crop_yaw_deg,
        pitch_deg=settings.crop_pitch_deg,
    )
