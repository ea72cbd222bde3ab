"""Where the time of a build goes, and how its memory grows with the drive.

Street pictures are small already, as in a released data set; tiles have the size of
VIGOR's, 640 px, or of the default, 160 px, cut from a compressed GeoTIFF of their
resolution. Times are processor time, so that a busy machine does not matter much.
Memory is the peak of a fresh process that builds with shards of 8 MiB.
"""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.transform import from_origin

sys.path.insert(0, str(Path(__file__).parents[1] / "dataset_tools"))

from drive_made import CRS, LAT, LON, write_picture

from dataset_tools import build_pictures
from dataset_tools.build import BuildSettings, build_pack
from dataset_tools.geodesy import LocalFrame, transformer
from dataset_tools.imagery.source import RasterImagery
from dataset_tools.tracks import exif

COUNT = 1_000
PER_STREET, STEP_M, ROW_M = 100, 8.0, 60.0

BUILD = (
    "import sys\n"
    "from dataset_tools.build import BuildSettings, build_pack\n"
    "s = BuildSettings(drive=sys.argv[1], imagery=(sys.argv[2],), licence='CC0-1.0',\n"
    "    out=sys.argv[3], m_per_px=2.0, shard_mib=8, split_scheme='area',\n"
    "    cell_m=400, buffer_m=100)\n"
    "build_pack(s)\n"
    "status = open('/proc/self/status').read()\n"
    "print(int(status.split('VmHWM:')[1].split()[0]) / 1024)\n"
)


def write_drive(folder, count):
    """Pictures each 8 m on parallel streets 60 m apart, 100 a street."""
    local = LocalFrame(LAT, LON)
    for row in range(count // PER_STREET):
        east = STEP_M * np.arange(PER_STREET)
        lat, lon = local.to_degrees(east, np.full(PER_STREET, ROW_M * row))
        for i, (y, x) in enumerate(zip(lat.tolist(), lon.tolist(), strict=True)):
            path = folder / f"s{row:04d}" / f"{i:04d}.jpg"
            write_picture(path, lat=y, lon=x, second=(7 * row + i) % 80_000)
    return folder


def write_imagery(path, *, count, px):
    """Soft colours below the drive as a tiled, deflated GeoTIFF of `px` metres."""
    x, y = transformer("EPSG:4326", CRS).transform(LON, LAT)
    north_m = ROW_M * count / PER_STREET
    width, height = round(1200 / px), round((north_m + 400) / px)
    profile = {
        "driver": "GTiff",
        "width": width,
        "height": height,
        "count": 3,
        "dtype": "uint8",
        "crs": CRS,
        "transform": from_origin(x - 200, y + north_m + 200, px, px),
        "tiled": True,
        "compress": "deflate",
        "predictor": 2,
    }
    rng = np.random.default_rng(0)
    with rasterio.open(path, "w", **profile) as target:
        for band in (1, 2, 3):
            coarse = rng.integers(0, 255, (height // 40, width // 40)).astype(np.uint8)
            soft = Image.fromarray(coarse).resize((width, height))
            target.write(np.asarray(soft), band)
    return path


class Spent:
    """Processor seconds within functions, summed by what they work on."""

    def __init__(self, monkeypatch):
        self.seconds = {"tiles": 0.0, "street": 0.0}
        for what, owner, name in (
            ("tiles", RasterImagery, "crop"),
            ("tiles", RasterImagery, "covers"),
            ("tiles", build_pictures, "encode_jpeg"),
            ("street", exif, "read_header"),
            ("street", build_pictures, "stored_bytes"),
        ):
            monkeypatch.setattr(owner, name, self._timed(what, getattr(owner, name)))

    def _timed(self, what, real):
        def timed(*given, **named):
            start = time.process_time()
            try:
                return real(*given, **named)
            finally:
                self.seconds[what] += time.process_time() - start

        return timed


@pytest.mark.parametrize(("size_px", "least"), [(640, 0.9), (160, 0.5)])
def test_a_build_spends_its_time_on_pictures(
    benchmark, tmp_path, monkeypatch, size_px, least
):
    drive = write_drive(tmp_path / "drive", COUNT)
    ortho = write_imagery(tmp_path / "ortho.tif", count=COUNT, px=80.0 / size_px)
    settings = BuildSettings(
        drive=drive,
        imagery=(ortho,),
        licence="CC0-1.0",
        out=tmp_path / "a.pack",
        m_per_px=80.0 / size_px,
    )
    # The first build of a process loads libraries.
    build_pack(settings.model_copy(update={"out": tmp_path / "warm.pack"}))
    spent = Spent(monkeypatch)

    def build():
        start = time.process_time()
        report = build_pack(settings)
        return report, time.process_time() - start

    report, total = benchmark.pedantic(build, rounds=1)
    tiles, street = (spent.seconds[k] / total for k in ("tiles", "street"))
    rest_ms = 1000.0 * total * (1 - tiles - street) / report.counts["frames"]
    benchmark.extra_info |= {"tiles": tiles, "street": street, "rest_ms": rest_ms}
    sys.stdout.write(
        f"\n{size_px} px: of {total:.1f} s {tiles:.0%} on tiles, {street:.0%} on "
        f"street pictures; the rest is {rest_ms:.2f} ms a street picture\n"
    )
    assert tiles + street > least


@pytest.mark.parametrize("count", [1_000, 10_000, 100_000])
def test_memory_of_a_build(benchmark, tmp_path, count):
    drive = write_drive(tmp_path / "drive", count)
    ortho = write_imagery(tmp_path / "ortho.tif", count=count, px=2.0)

    def peak_mib():
        words = [sys.executable, "-c", BUILD, drive, ortho, tmp_path / "a.pack"]
        done = subprocess.run(
            list(map(str, words)), capture_output=True, text=True, check=True
        )
        return float(done.stdout)

    peak = benchmark.pedantic(peak_mib, rounds=1)
    benchmark.extra_info["peak_mib"] = peak
    sys.stdout.write(f"\n{count:,} pictures: {peak:.0f} MiB at most\n")
    # What one picture adds: its records, tables and checks, and never its pixels.
    assert peak < 320 + 3.0 * count / 1000
