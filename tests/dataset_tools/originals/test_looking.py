import io

import numpy as np
import pytest
from PIL import Image
from released import encoded, put

from dataset_tools.originals import looking
from dataset_tools.originals.looking import Look, fingerprint, look, look_all


def noise(kind="JPEG", size=(40, 30)):
    pixels = np.random.default_rng(0).integers(0, 255, (*size[::-1], 3), np.uint8)
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, kind)
    return target.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_whole_picture_has_its_size(tmp_path, kind):
    data = noise(kind)
    found = look(put(tmp_path / "a", data))
    assert isinstance(found, Look)
    assert found[:3] == (40, 30, len(data))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_a_cut_picture_is_told_from_a_broken_one(tmp_path, kind, share):
    data = noise(kind)
    found = look(put(tmp_path / "a", data[: int(len(data) * share)]))
    # WebP has no end of its own.
    assert found == ("broken" if kind == "WEBP" else "cut")


def test_zeros_behind_the_end_do_no_harm_and_other_trailers_neither(tmp_path):
    data = noise()
    assert isinstance(look(put(tmp_path / "a", data + bytes(30))), Look)
    assert isinstance(look(put(tmp_path / "b", data + b"maker's trailer")), Look)


def test_what_is_no_picture_is_broken_and_nothing_is_empty(tmp_path):
    assert look(put(tmp_path / "a", b"<html>not found</html>")) == "broken"
    assert look(put(tmp_path / "b", b"")) == "empty"
    assert look(tmp_path / "none") == "unreadable"
    assert look(tmp_path) == "unreadable"


def test_a_picture_with_a_sound_end_is_not_decoded_unless_asked(tmp_path, monkeypatch):
    path = put(tmp_path / "a", noise())
    calls = []
    monkeypatch.setattr(looking, "decode", calls.append)
    look(path)
    assert calls == []
    look(path, whole=True)
    assert len(calls) == 1


def test_a_bomb_is_refused_by_its_header(tmp_path):
    header = bytearray(encoded("a", 8, 8, "PNG"))
    header[16:24] = (60_000).to_bytes(4, "big") * 2
    assert look(put(tmp_path / "a", bytes(header))) == "broken"


def test_a_change_of_a_picture_changes_the_fingerprint(tmp_path):
    paths = ["a.jpg", "b.jpg"]
    for path in paths:
        put(tmp_path / path, noise())
    one = look_all(tmp_path, paths)
    assert fingerprint(one) == fingerprint(look_all(tmp_path, reversed(paths)))
    put(tmp_path / "b.jpg", noise()[:-4])
    assert fingerprint(one) != fingerprint(look_all(tmp_path, paths))
