"""The name of a task that is given by options alone."""

import pytest

from geobench.cli.embed import _task

GIVEN = {
    "split": "test",
    "gallery": "tile",
    "protocol": "same-area",
    "frames": None,
    "keep": "first",
    "seed": 0,
}


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"scheme": "area"}, "home-test-tile"),
        ({"scheme": "road"}, "home-road-test-tile"),
        ({"scheme": "fold-2", "frames": 3}, "home-fold-2-test-tile-3-first"),
        ({"scheme": "my list"}, "home-my-list-test-tile"),
    ],
)
def test_tasks_of_two_schemes_of_one_pack_have_two_names(changes, name):
    task = _task("home", GIVEN | changes)
    assert task.id == name
    assert task.scheme == changes["scheme"]
