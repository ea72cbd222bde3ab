"""Files of cube faces that become frames of panoramas."""

import math

import pytest

from dataset_tools.errors import UsageError
from dataset_tools.pictures.faces import CubeRule, face_names, join_faces
from dataset_tools.records import Extent, Frame

NAMES = "f,r,b,l,u,d"


def face(path, *, time=None, lat=math.nan, heading=None, size=(32, 32)):
    return Frame(
        frame_id=path,
        session_id="whatever",
        order=0,
        lat=lat,
        lon=lat,
        time=time,
        heading_deg=heading,
        size_px=size,
        source=f"{path}.jpg",
    )


def cube(name, *, names=NAMES, **front):
    first, *others = names.split(",")
    return [face(f"{name}{first}", **front), *(face(f"{name}{n}") for n in others)]


def join(frames, *, names=NAMES, need_position=True, **rule):
    cubes = CubeRule(names=face_names(names), **rule)
    return join_faces(frames, cubes, need_position=need_position)


@pytest.mark.parametrize("between", ["_", "-", ".", "/"])
def test_a_cube_becomes_a_panorama_in_the_session_of_its_folder(between):
    made = join(cube(f"mon/0007{between}", lat=44.0, time=5, heading=80.0))
    (frame,) = made.kept
    assert (frame.frame_id, frame.session_id) == ("mon/0007", "mon")
    assert (frame.lat, frame.time, frame.heading_deg) == (44.0, 5, 80.0)
    assert (frame.projection, frame.hfov_deg) == ("equirectangular", 360.0)
    assert (frame.size_px, frame.extent) == ((128, 64), Extent())
    assert frame.faces[:2] == (f"mon/0007{between}f.jpg", f"mon/0007{between}r.jpg")
    assert len(frame.faces) == 6
    assert made.rejected == []


def test_whole_names_and_four_sides_do_as_well():
    sides = "front,right,back,left"
    (frame,) = join(
        cube("x/FACES/", names="Front,Right,Back,Left", lat=1.0),
        names=sides,
        width_px=720,
        vfov_deg=70.0,
    ).kept
    assert (frame.frame_id, frame.session_id) == ("x/FACES", "x")
    assert frame.size_px == (720, 140)
    assert frame.extent == Extent(top_deg=35.0, bottom_deg=-35.0)


def test_any_face_may_hold_the_position():
    faces = cube("s/1_")
    faces[3] = face("s/1_l", lat=44.0, time=9)
    (frame,) = join(faces).kept
    assert (frame.lat, frame.time) == (44.0, 9)


def test_panoramas_are_ordered_by_time_then_by_the_value_of_their_numbers():
    timed = [*cube("s/9_", lat=1.0, time=2), *cube("s/10_", lat=1.0, time=1)]
    assert [(f.frame_id, f.order) for f in join(timed).kept] == [
        ("s/10", 0),
        ("s/9", 1),
    ]
    plain = [*cube("s/10_", lat=1.0), *cube("s/9_", lat=1.0)]
    assert [f.frame_id for f in join(plain).kept] == ["s/9", "s/10"]


@pytest.mark.parametrize(
    ("change", "reason", "measured", "count"),
    [
        (lambda faces: faces[:-1], "missing-face", "down", 5),
        (
            lambda faces: [*faces[:-1], face("s/1_d", size=(31, 31))],
            "uneven-faces",
            "'down' has 31 pixels a side, the front 32",
            6,
        ),
        (
            lambda faces: [face(f.frame_id) for f in faces],
            "no-gps",
            None,
            6,
        ),
    ],
)
def test_a_cube_that_makes_no_panorama_is_rejected_face_by_face(
    change, reason, measured, count
):
    good = cube("s/2_", lat=1.0)
    outcome = join([*change(cube("s/1_", lat=1.0)), *good])
    assert [f.frame_id for f in outcome.kept] == ["s/2"]
    assert [(r.reason, r.measured) for r in outcome.rejected] == [
        (reason, measured)
    ] * count


def test_a_file_that_is_no_face_and_a_second_front_are_rejected():
    extra = [face("s/readme"), face("s/x-f"), face("s/x.f")]
    outcome = join([*cube("s/x_", lat=1.0), *extra])
    assert len(outcome.kept) == 1
    assert [(r.item, r.reason) for r in outcome.rejected] == [
        ("s/readme", "no-face"),
        ("s/x-f", "same-face"),
        ("s/x.f", "same-face"),
    ]


def test_without_need_a_position_can_come_from_a_track():
    (frame,) = join(cube("s/1_", time=4), need_position=False).kept
    assert math.isnan(frame.lat)


@pytest.mark.parametrize("text", ["f,r,b", "f,r,b,l,u", "f,f,b,l", "f,,b,l", ""])
def test_other_numbers_of_names_and_doubles_are_refused(text):
    with pytest.raises(UsageError, match="Cube faces are"):
        face_names(text)
