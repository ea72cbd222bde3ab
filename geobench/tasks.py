"""Tasks: what is asked of which pack's split, against which gallery.

A task is data and never changes: a change is a new version, and the old one names
what superseded it. A result's number belongs to `ID@vN` of exactly one task.
"""

import hashlib
import re
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, get_args

from geobench.data.queries import FrameChoice
from geobench.errors import ConfigError, RegistryError, closest

Protocol = Literal[
    "same-area", "cross-area", "sequence-length", "fov", "orientation", "robustness"
]
Gallery = Literal["tile", "tile-thinned", "tile-open", "tile-thinned-open"]

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, kw_only=True)
class Task:
    """One question with one answer per model."""

    id: str
    protocol: Protocol
    pack: str
    """Name of the pack, as in its `pack.json`."""
    version: int = 1
    scheme: str = "area"
    split: str = "test"
    gallery: Gallery = "tile"
    """Closed; thinned (only queries whose own positive is in it count); or either of
    these with other tiles as distractors."""
    frames: FrameChoice | None = None
    """Which frames of a query may be seen, or None for all."""
    label_set: str = "pack"
    switches: tuple[str, ...] = ()
    """How the region differs from the training region, in cross-area tasks."""
    seed: int = 0
    """Of the intervals' draws."""
    superseded_by: str | None = None
    """`ID@vN` of the task to use instead."""

    def __post_init__(self) -> None:
        """Check names.

        Raises:
            ConfigError: if a field has no meaning.
        """
        if not _ID.fullmatch(self.id):
            raise ConfigError(
                f"Task id {self.id!r} must be letters, digits, '.', '_' or '-': it "
                "names a folder."
            )
        for name, value, known in (
            ("protocol", self.protocol, get_args(Protocol)),
            ("gallery", self.gallery, get_args(Gallery)),
        ):
            if value not in known:
                raise ConfigError(
                    f"Task {self.id!r} has {name} {value!r}. {closest(value, known)}"
                )
        if self.version < 1:
            raise ConfigError(
                f"Task {self.id!r} has version {self.version}, expected 1+."
            )

    @property
    def name(self) -> str:
        """`ID@vN`, as results are filed."""
        return f"{self.id}@v{self.version}"

    def to_json(self) -> dict[str, Any]:
        """All fields as plain values, for files."""
        return {**asdict(self), "switches": list(self.switches)}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "Task":
        """A task from `to_json`.

        Raises:
            ConfigError: if a key is unknown or missing.
        """
        known = [f.name for f in fields(cls)]
        for key in sorted(content):
            if key not in known:
                raise ConfigError(f"A task has no field {key!r}. {closest(key, known)}")
        missing = [k for k in ("id", "protocol", "pack") if k not in content]
        if missing:
            raise ConfigError(
                f"A task needs {', '.join(missing)}; got {sorted(content)}."
            )
        frames = content.get("frames")
        return cls(
            **{
                **content,
                "frames": FrameChoice(**frames) if frames else None,
                "switches": tuple(content.get("switches", ())),
            }
        )


def fingerprint(task: Task) -> str:
    """First 8 hex digits of a hash over a task's meaning.

    >>> a = Task(id="a", protocol="same-area", pack="p")
    >>> fingerprint(a) == fingerprint(replace(a, superseded_by="b@v1"))
    True
    """
    meaning = replace(task, superseded_by=None).to_json()
    return hashlib.sha256(repr(sorted(meaning.items())).encode()).hexdigest()[:8]


_PUBLISHED = (
    ("cvusa", "cvusa", "same-area", "published", "val"),
    ("cvusa-cleaned", "cvusa-cleaned", "same-area", "published", "val"),
    ("cvact-val", "cvact", "same-area", "published", "val"),
    ("cvact-test", "cvact", "same-area", "published", "test"),
    ("cvusa-to-cvact", "cvact", "cross-area", "published", "val"),
    ("cvact-to-cvusa", "cvusa", "cross-area", "published", "val"),
    ("vermont", "vermont", "same-area", "published", "val"),
    ("vigor-same-area", "vigor", "same-area", "same-area", "test"),
    ("vigor-cross-area", "vigor", "cross-area", "cross-area", "test"),
)
"""(id, pack, protocol, scheme, split) on packs that `geobench data import` writes.

CVUSA and Vermont have no test: papers test on val. VIGOR's tasks exist once for each
label set, which is part of the id.
"""


def all_tasks() -> list[Task]:
    """The tasks known by name, sorted by id and version."""
    known = [
        Task(id=i, pack=pack, protocol=protocol, scheme=scheme, split=split)  # type: ignore[arg-type]
        for i, pack, protocol, scheme, split in _PUBLISHED
    ]
    vigor = [task for task in known if task.pack == "vigor"]
    known = [task for task in known if task.pack != "vigor"]
    for labels, pack in (("original", "vigor"), ("corrected", "vigor-corrected")):
        ending = pack.removeprefix("vigor")
        known += [
            replace(task, id=task.id + ending, pack=pack, label_set=labels)
            for task in vigor
        ]
    return sorted(known, key=lambda t: (t.id, t.version))


def find_task(name: str) -> Task:
    """A known task by `ID` (its newest version) or `ID@vN`.

    Raises:
        RegistryError: if there is none; the message names the closest.
    """
    found = [t for t in all_tasks() if name in (t.id, t.name)]
    if not found:
        known = [t.id for t in all_tasks()]
        raise RegistryError(f"No task is called {name!r}. {closest(name, known)}")
    return found[-1]
