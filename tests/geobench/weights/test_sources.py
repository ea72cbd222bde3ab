import io
import os
import zipfile

import numpy as np
import pytest
import torch

from geobench.errors import SchemaError
from geobench.weights.sources import read_file


class Touch:
    """Unpickled carelessly, it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "weights.pth"


@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_that_runs_code_is_refused_and_runs_none(path, tmp_path, zipped):
    trap = tmp_path / "trap"
    content = {"state_dict": {"a": torch.ones(1)}, "x": Touch(trap)}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(SchemaError, match="mkdir, so reading it could run code"):
        read_file(path)
    assert not trap.exists()


def test_even_a_harmless_object_is_refused_with_a_way_out(path):
    torch.save({"a": torch.ones(1), "best": np.float64(1.0)}, path)
    with pytest.raises(SchemaError, match="save its state dict alone"):
        read_file(path)


def test_a_whole_network_is_refused(path):
    torch.save(torch.nn.Linear(2, 2), path)
    with pytest.raises(SchemaError, match=r"asks for torch\.nn"):
        read_file(path)


def _zip(content):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a/data.pkl", content)
    return buffer.getvalue()


def _cut():
    buffer = io.BytesIO()
    torch.save({"a": torch.ones(100)}, buffer)
    return buffer.getvalue()[:300]


@pytest.mark.parametrize(
    "content",
    [b"", b"hello", _zip(b"garbage"), _cut()],
    ids=["0", "text", "zip", "cut"],
)
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_broken_files_are_one_sentence(tmp_path, content, suffix):
    path = tmp_path / f"weights{suffix}"
    path.write_bytes(content)
    with pytest.raises(SchemaError, match="weights"):
        read_file(path)


def test_a_file_of_something_else_is_refused(path):
    torch.save([torch.ones(1)], path)
    with pytest.raises(SchemaError, match="holds a list"):
        read_file(path)
