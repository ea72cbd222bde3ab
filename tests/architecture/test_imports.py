"""The import rules of docs/ARCHITECTURE.md, held by reading every file's imports."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("dataset_tools", "geobench", "reference_models", "baselines")
DOORS = {
    "dataset_tools.pack.format",
    "dataset_tools.pack.read",
    "dataset_tools.polar",
    "dataset_tools.geodesy",
}
NUMBER_SIDE = [
    "geobench.embeddings",
    "geobench.retrieval",
    "geobench.metrics",
    "geobench.intervals",
    "geobench.tasks",
    "geobench.results",
    "geobench.evaluate",
    "geobench.table",
    "geobench.table_formats",
    "geobench.measure",
    "geobench.vectors",
    "geobench.score",
    "geobench.published",
    "geobench.data.queries",
    "geobench.report.page",
    "geobench.cli.main",
]


def _imports(path: Path) -> set[str]:
    """Names of all modules that a file imports, `from a import b` as a.b and a."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def _files(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def _of(names: set[str], package: str) -> set[str]:
    return {n for n in names if n == package or n.startswith(package + ".")}


@pytest.mark.parametrize("path", _files("dataset_tools"), ids=str)
def test_dataset_tools_imports_neither_torch_nor_the_other_packages(path):
    names = _imports(path)
    for other in ("torch", "torchvision", "timm", *PACKAGES[1:]):
        assert not _of(names, other), f"{path} imports {other}"


@pytest.mark.parametrize(
    "path", [p for p in _files("geobench") if "cli" not in p.parts], ids=str
)
def test_geobench_enters_dataset_tools_only_through_its_four_doors(path):
    names = _imports(path)
    assert not _of(names, "baselines")
    assert not _of(names, "reference_models")
    for name in _of(names, "dataset_tools"):
        is_door = any(name == d or name.startswith(d + ".") for d in DOORS)
        is_prefix = any(d.startswith(name + ".") for d in DOORS)
        assert is_door or is_prefix, f"{path} imports {name}"


@pytest.mark.parametrize(
    "path", _files("baselines") + _files("reference_models"), ids=str
)
def test_models_import_the_harness_and_never_each_other(path):
    names = _imports(path)
    own = path.relative_to(ROOT).parts[0]
    for other in {"baselines", "reference_models", "dataset_tools"} - {own}:
        assert not _of(names, other), f"{path} imports {other}"
    if path.name != "__init__.py":
        assert not _of(names, own), f"{path} imports a sibling"


def test_pyproj_is_imported_in_geodesy_alone():
    users = [p for p in _files("dataset_tools") if _of(_imports(p), "pyproj")]
    users += [p for p in _files("geobench") if _of(_imports(p), "pyproj")]
    assert [p.name for p in users] == ["geodesy.py"]


@pytest.mark.parametrize("module", NUMBER_SIDE)
def test_the_number_side_loads_without_torch(module):
    code = (
        f"import sys, {module}; "
        "sys.exit(3 if any(m.split('.')[0] == 'torch' for m in sys.modules) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)
    assert done.returncode == 0


UNSAFE = ("weights_only=False", "LOAD_TRUNCATED_IMAGES = True", "allow_pickle=True")


@pytest.mark.parametrize("path", [p for n in PACKAGES for p in _files(n)], ids=str)
def test_the_source_holds_no_unsafe_loading(path):
    assert not _of(_imports(path), "pickle")
    assert not [word for word in UNSAFE if word in path.read_text()]
