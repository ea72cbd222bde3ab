"""Croissant 1.1 with GeoCroissant 1.0: what a pack is, for catalogues and loaders.

JSON-LD that describes the pack's files, the columns of its tables, where on Earth and
when. The vocabularies are those of MLCommons: http://mlcommons.org/croissant/1.1 and
http://mlcommons.org/croissant/geo/1.0. Written here, so that nothing has to be
installed to describe a pack; a test has `mlcroissant` read it.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pyarrow as pa

from dataset_tools.pack.card.facts import card_facts
from dataset_tools.pack.format import (
    ID_COLUMN,
    META_FILE,
    TABLES,
    content_files,
    file_record,
)
from dataset_tools.pack.licences import licence_address
from dataset_tools.pack.read import Pack

CONFORMS_TO: Final = (
    "http://mlcommons.org/croissant/1.1",
    "http://mlcommons.org/croissant/geo/1.0",
)
CONTEXT: Final[dict[str, Any]] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "geocr": "http://mlcommons.org/croissant/geo/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "description": {"@container": "@language"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
    "conformsTo": "dct:conformsTo",
    **{
        word: f"cr:{word}"
        for word in (
            "arrayShape", "citeAs", "column", "containedIn", "equivalentProperty",
            "extract", "field", "fileObject", "fileProperty", "fileSet", "format",
            "includes", "isArray", "isLiveDataset", "jsonPath", "key", "md5",
            "parentField", "path", "recordSet", "references", "regex", "repeated",
            "replace", "samplingRate", "separator", "source", "subField", "transform",
        )
    },
}  # fmt: skip
PARQUET: Final = "application/x-parquet"
HDF5: Final = "application/x-hdf5"
ABOUT: Final = {
    "frames": "Ground pictures: when and where they were taken, what they show.",
    "tiles": "North-up satellite tiles: where they lie and how large they are.",
    "sequences": "Queries: frames in the order driven, the tiles that are right.",
    "splits": "Which sequence and which tile is in which split.",
}
ALSO: Final = " The file also holds geometry (WKB, EPSG:4326)."
"""What no Croissant type can say of the first three tables."""
EQUIVALENT: Final = {"lat": "sc:latitude", "lon": "sc:longitude"}
MEANS: Final = {
    "frame_ids": "frame_id of frames, in the order driven",
    "positives": "tile_id of tiles that are right answers",
    "semi_positives": "tile_id of other tiles that show the position",
    "shard": "number of the file images-NNNNN.h5 that holds the picture",
    "row": "place of the picture in that file",
}
"""What columns hold that no Croissant type tells. Readers join at `references`, which
they cannot do with lists."""


def croissant(
    pack: Pack,
    *,
    base_url: str = "",
    about: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The description of a pack as JSON-LD.

    Args:
        pack: the pack.
        base_url: address of the folder that the pack is published in; without one
            files are named relative to the description.
        about: further properties of the data set, such as `url` or `creator`.
    """
    facts = card_facts(pack)
    base = base_url.rstrip("/") + "/" if base_url else ""
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "name": pack.name,
        "description": _description(facts),
        "conformsTo": list(CONFORMS_TO),
        "license": _licences(pack),
        "isLiveDataset": False,
        "identifier": f"sha256:{pack.content_sha256}",
        **_geography(pack, facts),
        **(about or {}),
        "distribution": _files(pack, base),
        "recordSet": [_records(name) for name in TABLES],
    }


def _description(facts: Mapping[str, Any]) -> str:
    counts = facts["counts"]
    text = (
        f"{counts['sequences']:,} sequences of {counts['frames']:,} ground pictures "
        f"with {counts['tiles']:,} satellite tiles, for cross-view geo-localization."
    )
    credit = [e["attribution"] for e in facts["licences"] if e.get("attribution")]
    credit = list(dict.fromkeys(credit))
    private = " Its pictures may not be passed on." if facts["private"] else ""
    return text + (f" Credit: {'; '.join(credit)}." if credit else "") + private


def _licences(pack: Pack) -> list[str]:
    texts = [str(entry["licence"]) for entry in pack.meta["licences"]]
    return [licence_address(text) for text in dict.fromkeys(texts)]


def _geography(pack: Pack, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Where and when, and how fine the tiles are."""
    extent = facts["extent"]
    found: dict[str, Any] = {"geocr:coordinateReferenceSystem": "EPSG:4326"}
    if extent is not None:
        box = " ".join(f"{extent[k]:.6f}" for k in ("south", "west", "north", "east"))
        found["spatialCoverage"] = {
            "@type": "Place",
            "geo": {"@type": "GeoShape", "box": box},
        }
    days = _days(pack)
    if days is not None:
        found["temporalCoverage"] = f"{days[0]}/{days[1]}"
    scale = pack.tiles["m_per_px"].dropna().to_numpy(float)
    if len(scale):
        found["geocr:spatialResolution"] = {
            "@type": "QuantitativeValue",
            "value": round(float(np.median(scale)), 4),
            "minValue": round(float(scale.min()), 4),
            "maxValue": round(float(scale.max()), 4),
            "unitText": "m",
        }
    found["geocr:bandConfiguration"] = {
        "@type": "geocr:BandConfiguration",
        "geocr:totalBands": 3,
        "geocr:bandNameList": ["Red", "Green", "Blue"],
    }
    return found


def _days(pack: Pack) -> tuple[str, str] | None:
    """The first and the last day on which a picture was taken, of either view."""
    taken = pack.frames["time"].dropna().dt.date
    captured = pack.tiles["captured"].dropna()
    days = sorted({*taken, *captured})
    return (days[0].isoformat(), days[-1].isoformat()) if days else None


def _files(pack: Pack, base: str) -> list[dict[str, Any]]:
    """One object a file, with its hash; the shards of a pack are listed one by one."""
    records = pack.meta.get("files") or {
        p.name: file_record(p) for p in content_files(pack.path)
    }
    records = {META_FILE: file_record(pack.path / META_FILE), **records}
    return [
        {
            "@type": "cr:FileObject",
            "@id": name,
            "name": name,
            "contentUrl": f"{base}{name}",
            "contentSize": f"{record['bytes']} B",
            "encodingFormat": _format(name),
            "sha256": record["sha256"],
        }
        for name, record in sorted(records.items())
    ]


def _format(name: str) -> str:
    if name.endswith(".json"):
        return "application/json"
    return PARQUET if name.endswith(".parquet") else HDF5


def _records(name: str) -> dict[str, Any]:
    """A table as a record set; what is nested deeper than a list is left out."""
    columns = [c for c in TABLES[name] if _type(c.type) is not None]
    found: dict[str, Any] = {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": ABOUT[name] + (ALSO if name in ID_COLUMN else ""),
        "field": [_field(name, column) for column in columns],
    }
    if name in ID_COLUMN:
        found["key"] = {"@id": f"{name}/{ID_COLUMN[name]}"}
    return found


def _field(table: str, column: pa.Field) -> dict[str, Any]:
    found: dict[str, Any] = {
        "@type": "cr:Field",
        "@id": f"{table}/{column.name}",
        "name": column.name,
        "dataType": _type(column.type),
        "source": {
            "fileObject": {"@id": f"{table}.parquet"},
            "extract": {"column": column.name},
        },
    }
    if pa.types.is_list(column.type):
        found |= {"isArray": True, "arrayShape": "-1"}
    if column.name in EQUIVALENT:
        found["equivalentProperty"] = EQUIVALENT[column.name]
    if column.name in MEANS:
        found["description"] = MEANS[column.name]
    return found


def _type(kind: pa.DataType) -> str | None:
    """The Croissant type of an Arrow type; None: it has none."""
    if pa.types.is_list(kind):
        return _type(kind.value_type)
    for test, name in (
        (pa.types.is_string, "sc:Text"),
        (pa.types.is_integer, "sc:Integer"),
        (pa.types.is_floating, "sc:Float"),
        (pa.types.is_timestamp, "sc:DateTime"),
        (pa.types.is_date, "sc:Date"),
    ):
        if test(kind):
            return name
    return None
