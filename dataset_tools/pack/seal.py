"""`pack.json` of a folder whose tables and shards are written: counts and hashes."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from dataset_tools.pack.format import (
    FORMAT,
    ID_COLUMN,
    META_FILE,
    VERSION,
    FileRecords,
    content_files,
    content_sha256_of,
    file_record,
)


def seal(
    folder: Path, about: Mapping[str, Any], *, known: FileRecords | None = None
) -> dict[str, Any]:
    """Write `pack.json`, the last file of a pack; returns what it holds.

    Args:
        folder: holds the four tables and the shards.
        about: `name`, `encoding`, `licences`, `made_by`, `rejections`, and where they
            apply `private` and `preprocessing`; counts and hashes are added.
        known: size and hash of files that need not be read again.
    """
    known = known or {}
    files = {p.name: known.get(p.name) or file_record(p) for p in content_files(folder)}
    meta: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        **{key: about[key] for key in ("name", "encoding", "licences", "made_by")},
        "counts": counts(folder),
        "rejections": about["rejections"],
        # What does not apply is left out: an absent key is false or null.
        **{k: about[k] for k in ("private", "preprocessing") if about.get(k)},
        "files": files,
        "content_sha256": content_sha256_of(files),
    }
    text = json.dumps(meta, indent=2, allow_nan=False, ensure_ascii=False)
    (folder / META_FILE).write_text(text + "\n", encoding="utf-8")
    return meta


def counts(folder: Path) -> dict[str, int]:
    """How many items the files of a pack hold, as `pack.json` states it."""
    sessions = pq.read_table(folder / "frames.parquet", columns=["session_id"])
    return {
        **{n: pq.read_metadata(folder / f"{n}.parquet").num_rows for n in ID_COLUMN},
        "sessions": pc.count_distinct(sessions["session_id"]).as_py(),
        "shards": len(list(folder.glob("*.h5"))),
    }
