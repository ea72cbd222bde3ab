import dataclasses
import json

import pytest

from geobench.data.queries import FrameChoice
from geobench.errors import ConfigError, RegistryError
from geobench.tasks import Task, all_tasks, find_task, fingerprint


def _task(**changes):
    return Task(**{"id": "town", "protocol": "same-area", "pack": "town", **changes})


def test_a_task_survives_json():
    task = _task(
        frames=FrameChoice(count=3, keep="random", seed=2),
        switches=("camera", "layout"),
    )
    assert Task.from_json(json.loads(json.dumps(task.to_json()))) == task


def test_a_task_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        _task().id = "other"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id": "../town"}, "names a folder"),
        ({"protocol": "same-aera"}, "Did you mean 'same-area'"),
        ({"gallery": "tiles"}, "gallery 'tiles'"),
        ({"version": 0}, "version 0"),
    ],
)
def test_fields_without_meaning_are_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        _task(**changes)


def test_unknown_keys_of_a_file_are_refused_with_the_closest():
    with pytest.raises(ConfigError, match=r"'galery'.*'gallery'"):
        Task.from_json({**_task().to_json(), "galery": "tile"})


def test_what_is_asked_changes_the_fingerprint_and_what_supersedes_it_does_not():
    assert fingerprint(_task()) != fingerprint(_task(gallery="tile-open"))
    assert fingerprint(_task()) == fingerprint(_task(superseded_by="town@v2"))


def test_known_tasks_have_unique_names_and_are_found():
    names = [t.name for t in all_tasks()]
    assert len(set(names)) == len(names)
    assert find_task("cvusa") == find_task("cvusa@v1")
    with pytest.raises(RegistryError, match="cvusa"):
        find_task("cvusaa")
