"""Parameters of cameras and of what is done to their pictures."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from dataset_tools.settings.base import Settings, file_field

StatedProjection = Literal["as-tagged", "perspective", "equirectangular"]
BlurKind = Literal["gaussian", "pixelate", "fill"]


class CameraSettings(Settings):
    """What the pictures show, and where the camera sat."""

    projection: StatedProjection = "as-tagged"
    """What all pictures are where their files do not say it: panoramas are
    equirectangular."""
    camera_hfov_deg: float | None = Field(None, gt=0, lt=180)
    """Horizontal field of view of flat pictures that do not state a focal length."""
    cube_faces: str | None = None
    """Names of the files of a cube's faces, as front,right,back,left,up,down or the
    first four: NAME/front.jpg or NAME_front.jpg; they are put together to panoramas."""
    panorama_width_px: int | None = Field(None, ge=4)
    """Width of those panoramas; four faces if none is given."""
    panorama_vfov_deg: float = Field(180.0, gt=0, le=180)
    """Elevation that their rows span, the horizon in the middle; 70 shows no pole."""
    camera_yaw_deg: float = Field(0.0, ge=-360, le=360)
    """Where the camera looks, clockwise from the vehicle's forward: added to headings
    taken from the course."""
    camera_forward_m: float = 0.0
    """Where the camera sits, metres ahead of the antenna."""
    camera_right_m: float = 0.0
    """The same to the right."""
    camera_up_m: float = 0.0
    """The same upwards; added to the altitude."""


class PictureSettings(Settings):
    """What is done to pictures before they are stored; untouched if nothing is."""

    crop_hfov_deg: float | None = Field(None, gt=0, le=150)
    """Cut perspective crops this wide from panoramas, degrees."""
    crop_vfov_deg: float | None = Field(None, gt=0, le=150)
    """Height of the crops, degrees; three quarters of their width in pixels if none."""
    crop_width_px: int = Field(640, ge=8, le=10_000)
    """Width of the crops; pixels are square."""
    crop_yaw_deg: float = Field(0.0, ge=-360, le=360)
    """Where crops look, clockwise from the panorama's middle."""
    crop_bearing_deg: float | None = Field(None, ge=-360, le=360)
    """Where all crops look instead, clockwise from true north."""
    crop_pitch_deg: float = Field(0.0, ge=-90, le=90)
    """How far crops look up, degrees."""
    north_up: bool = False
    """Turn panoramas so that their middle column looks north."""
    mask: Path | None = file_field()
    """Picture of the camera's size, white where the vehicle hides the street."""
    mask_bottom_px: int = Field(0, ge=0)
    """Rows from the bottom that the bonnet hides."""
    fill_grey: int = Field(128, ge=0, le=255)
    """Grey of what is masked, filled or not covered by a cube's face."""
    blur_boxes: Path | None = file_field()
    """CSV of faces and plates to blur: picture,x0,y0,x1,y1 in pixels, one a line."""
    blur: str | None = None
    """Installed plug-in that finds more of them in every picture."""
    blur_kind: BlurKind = "gaussian"
    """How boxes are made unreadable; fill paints them grey."""
    frame_width_px: int | None = Field(None, ge=8)
    """Shrink wider pictures to this width."""
    jpeg_quality: int = Field(95, ge=1, le=95)
    """Of pictures that have to be encoded again."""
