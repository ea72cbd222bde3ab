"""Tiny released folders, made in the tests: invented places, pictures of noise."""

import io
import json
import math
from pathlib import Path

import numpy as np
import scipy.io
from PIL import Image

from dataset_tools.geodesy import to_projected_m
from dataset_tools.originals.vigor_lists import EPSG, M_PER_PX, ORIGINAL_M_PER_PX


def encoded(tag, width, height, kind="JPEG"):
    """A picture of one colour that `tag` decides, with a comment that names it."""
    colour = tuple(40 + 17 * (sum(tag.encode()) * k % 11) for k in (1, 3, 7))
    target = io.BytesIO()
    picture = Image.new("RGB", (width, height), colour)
    more = {"comment": tag.encode()} if kind == "JPEG" else {}
    picture.save(target, kind, **more)
    return target.getvalue()


def put(path: Path, data) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


# --- CVUSA


def cvusa(root: Path, train=(3, 1, 2), val=(5,), *, rows=5, places=None) -> Path:
    """Pairs 1 to `rows`; id k at 40 + k / 100 degrees north."""
    for k in range(1, rows + 1):
        put(root / f"bingmap/19/{k:07d}.jpg", encoded(f"s{k}", 15, 15))
        put(root / f"streetview/panos/{k:07d}.jpg", encoded(f"g{k}", 44, 8))
        put(root / f"streetview/annotations/{k:07d}.png", encoded("a", 44, 8, "PNG"))
    for split, ids in (("train", train), ("val", val)):
        put(root / f"splits/{split}-19zl.csv", "".join(map(cvusa_line, ids)))
    at = places or [(40 + k / 100, -100.0) for k in range(1, rows + 1)]
    lines = [f"{la},{lo},{la + 1e-5:.6f},{lo},0\n" for la, lo in at]
    put(root / "split_locations/all.csv", "".join(lines))
    return root


def cvusa_line(k):
    return (
        f"bingmap/19/{k:07d}.jpg,streetview/panos/{k:07d}.jpg,"
        f"streetview/annotations/{k:07d}.png\n"
    )


# --- CVACT

CVACT_IDS = ("-a_b", "B-b_", "_jpg0", "d1jpg", "e-e", "f__f")
CVACT_LISTS = {"train": (4, 2), "val": (6, 1), "test": (3, 6, 5, 1)}
"""Rows counted from 1, in this order; the test holds the val."""
# Rows 3 and 5 are 4 m apart, 1 and 2 are 20 m apart, 1 and 6 exactly 5 m.
CVACT_UTM = np.array(
    [
        (693_000.0, 6_093_000.0),
        (693_020.0, 6_093_000.0),
        (694_000.0, 6_093_000.0),
        (695_000.0, 6_093_000.0),
        (694_004.0, 6_093_000.0),
        (693_000.0, 6_093_005.0),
    ]
)


def act_mat(
    path: Path,
    *,
    kind=np.int32,
    utm=CVACT_UTM,
    ids=CVACT_IDS,
    do_compression=True,
    **changes,
):
    """ACT_data.mat with its lists as columns inside of structures."""
    lists = {**CVACT_LISTS, **changes}

    def struct(split, field):
        column = np.asarray(lists[split], kind).reshape(-1, 1)
        return {"first": np.array([[1]]), field: column}

    width = max(map(len, ids))
    content = {
        "panoIds": np.array([i.ljust(width) for i in ids]),
        "utm": utm,
        "trainSet": struct("train", "trainInd"),
        "valSet": struct("val", "valInd"),
        "valSetAll": struct("test", "valInd"),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    scipy.io.savemat(path, content, do_compression=do_compression)
    return path


def cvact(root: Path, **changes) -> Path:
    act_mat(root / "ACT_data.mat", **changes)
    for home, splits in (("small", ("train", "val")), ("test", ("test",))):
        for row in {r for s in splits for r in CVACT_LISTS[s]}:
            name = CVACT_IDS[row - 1]
            folder = root / f"ANU_data_{home}"
            ground, satellite = encoded(f"g{row}", 20, 10), encoded(f"s{row}", 12, 12)
            put(folder / f"streetview/{name}_grdView.jpg", ground)
            put(folder / f"satview_polish/{name}_satView_polish.jpg", satellite)
    return root


# --- VIGOR

VIGOR_BASE = {
    "Chicago": (41.86, -87.68),
    "NewYork": (40.72, -74.0),
    "SanFrancisco": (37.74, -122.44),
    "Seattle": (47.57, -122.33),
}
VIGOR_AT = ((0.25, 0.25), (0.4, 0.2), (1.3, 1.2), (1.7, 0.6))
"""Panoramas of a city in steps of the grid north and east; all are train but the
second, which shares its positive with the first."""


def vigor(root: Path, cities=tuple(VIGOR_BASE), *, labels=("original", "corrected")):
    """A grid of 3 x 3 tiles a city, with labels by the rule of the UTM grid."""
    for city in cities:
        tiles, rows = vigor_city(city)
        for name in tiles:
            put(root / city / "satellite" / name, encoded(name, 16, 16, "PNG"))
        for name, _ in rows:
            put(root / city / "panorama" / name, encoded(name, 20, 10))
        for label_set in labels:
            vigor_lists(root, city, tiles, rows, label_set)
    return root


def vigor_city(city):
    """([names of 9 tiles], [(panorama, [(tile, metres north, metres east)] * 4)])."""
    lat0, lon0 = VIGOR_BASE[city]
    step = math.degrees(320 * ORIGINAL_M_PER_PX / 6_371_004)
    wide = step / math.cos(math.radians(lat0))
    grid = {
        (i, j): (lat0 + i * step, lon0 + j * wide) for i in range(3) for j in range(3)
    }
    name = {k: f"satellite_{la:.10f}_{lo:.10f}.png" for k, (la, lo) in grid.items()}
    rows = []
    for number, (fi, fj) in enumerate(VIGOR_AT):
        lat, lon = round(lat0 + fi * step, 6), round(lon0 + fj * wide, 6)
        here = to_projected_m(lat, lon, epsg=EPSG[city])
        found = []
        for i in (int(fi), int(fi) + 1):
            for j in (int(fj), int(fj) + 1):
                at = name[i, j].removesuffix(".png").split("_")[1:]
                there = to_projected_m(*map(float, at), epsg=EPSG[city])
                east, north = (float(b - a) for a, b in zip(here, there, strict=True))
                found.append((math.hypot(east, north), name[i, j], north, east))
        pano = f"-_{city[:4]}{number},{lat:.6f},{lon:.6f},.jpg"
        rows.append((pano, [f[1:] for f in sorted(found)]))
    return [name[k] for k in sorted(name)], rows


def vigor_lists(root, city, tiles, rows, label_set):
    corrected = label_set == "corrected"
    folder = root / ("splits__corrected" if corrected else "splits") / city
    unit = M_PER_PX[city] if corrected else ORIGINAL_M_PER_PX
    end = "\r\n" if corrected else "\n"
    lines = [
        " ".join(
            [p, *(f"{t} {round(n / unit):.1f} {round(e / unit):.1f}" for t, n, e in g)]
        )
        for p, g in rows
    ]
    ending = "__corrected" if corrected else ""
    put(folder / "satellite_list.txt", end.join(tiles))
    for stem, chosen in (
        ("pano_label_balanced", lines),
        ("same_area_balanced_train", [lines[0], *lines[2:]]),
        ("same_area_balanced_test", [lines[1]]),
    ):
        put(folder / f"{stem}{ending}.txt", end.join(chosen))


# --- Vermont

VERMONT_STEP = 7.24e-5
"""Degrees of latitude between two frames, 8.05 m."""


def vermont(root: Path, count=10, *, skip=(), frames=7, stride=3) -> Path:
    """Windows over one road north; file 3 is named with another first component."""
    for number in range(count + len(skip)):
        if number in skip:
            continue
        first = stride * number
        views = {
            f"img_{k + 1}": vermont_view(first + k, "data" if number == 3 else ".")
            for k in range(frames)
        }
        vermont_json(root, number, views, centre=first + frames // 2)
    return root


def vermont_view(step, head=".", session="20190616.101500", **changes):
    view = {
        "name": f"{head}\\ROW\\{session}\\{120_345 + 8_050 * step:012d}.jpg",
        "lat": round(44.26 + VERMONT_STEP * step, 10),
        "lon": -72.5754,
        "heading": 0.5,
    }
    return {**view, **changes}


def vermont_json(root: Path, number, views, *, centre=3, **changes):
    for view in views.values():
        rest = view["name"].split("\\")[1:]
        path = root / "street/2019_street" / "/".join(rest)
        if not path.exists():
            put(path, encoded(view["name"][-20:], 16, 9))
    satellite = root / f"satellite/2019_satellite/20/{number}.png"
    put(satellite, encoded(f"t{number}", 16, 16, "PNG"))
    content = {
        "center": [44.26 + VERMONT_STEP * centre + 9e-6, -72.57539],
        "satellite_views": {"20": f".\\2019_satellite\\20\\{number}.png"},
        "street_views": views,
        **changes,
    }
    put(root / f"json/2019_JSON/{number}.json", json.dumps(content))
