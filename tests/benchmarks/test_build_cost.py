"""Where the time of a build goes, and how its memory grows with the drive.

Street pictures are small already, as in a released data set; tiles have the size of
VIGOR's, 640 px, cut from a compressed GeoTIFF of twice their resolution, or of the
default, 160 px. Times are processor time, so that a busy machine does not matter much.
Memory is the peak of a fresh process that builds with shards of 8 MiB.
"""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin
from scipy.ndimage import zoom

sys.path.insert(0, str(Path(__file__).parents[1] / "dataset_tools"))

from drive_made import CRS, LAT, LON, write_picture

from dataset_tools import build_pictures
from dataset_tools.build import BuildSettings, build_pack
from dataset_tools.geodesy import LocalFrame, transformer
from dataset_tools.imagery.source import RasterImagery

PER_SESSION, STEP_M, ROW_M = 500, 8.0, 60.0

BUILD = (
    "import resource, sys\n"
    "from dataset_tools.build import BuildSettings, build_pack\n"
    "s = BuildSettings(drive=sys.argv[1], imagery=(sys.argv[2],), licence='CC0-1.0',\n"
    "    out=sys.argv[3], m_per_px=2.0, shard_mib=8, split_scheme='area',\n"
    "    cell_m=400, buffer_m=100)\n"
    "build_pack(s)\n"
    "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)\n"
)


def write_drive(folder, count):
    """Pictures each 8 m on parallel streets 60 m apart, 500 a street."""
    local = LocalFrame(LAT, LON)
    for row in range(-(-count // PER_SESSION)):
        here = min(PER_SESSION, count - row * PER_SESSION)
        east = STEP_M * np.arange(here)
        lat, lon = local.to_degrees(east, np.full(here, ROW_M * row))
        for i, (y, x) in enumerate(zip(lat.tolist(), lon.tolist(), strict=True)):
            path = folder / f"s{row:04d}" / f"{i:04d}.jpg"
            write_picture(path, lat=y, lon=x, second=(7 * row + i) % 80_000)
    return folder


def write_imagery(path, *, rows, px):
    """Soft colours over the drive as a tiled, deflated GeoTIFF of `px` metres."""
    x, y = transformer("EPSG:4326", CRS).transform(LON, LAT)
    width, height = round(4400 / px), round((ROW_M * rows + 400) / px)
    coarse = np.random.default_rng(0).integers(0, 255, (3, height // 40, width // 40))
    profile = {
        "driver": "GTiff",
        "width": width,
        "height": height,
        "count": 3,
        "dtype": "uint8",
        "crs": CRS,
        "transform": from_origin(x - 200, y + ROW_M * rows + 200, px, px),
        "tiled": True,
        "compress": "deflate",
        "predictor": 2,
    }
    with rasterio.open(path, "w", **profile) as target:
        for band, part in enumerate(coarse, 1):
            scale = (height / part.shape[0], width / part.shape[1])
            soft = zoom(part.astype(np.float32), scale, order=1)
            target.write(soft[:height, :width].astype(np.uint8), band)
    return path


class Spent:
    """Processor seconds within some functions."""

    def __init__(self, monkeypatch):
        self.seconds = 0.0
        for owner, name in (
            (RasterImagery, "crop"),
            (RasterImagery, "covers"),
            (build_pictures, "encode_jpeg"),
        ):
            monkeypatch.setattr(owner, name, self._timed(getattr(owner, name)))

    def _timed(self, real):
        def timed(*given, **named):
            start = time.process_time()
            try:
                return real(*given, **named)
            finally:
                self.seconds += time.process_time() - start

        return timed


@pytest.mark.parametrize(("size_px", "least"), [(640, 0.9), (160, 0.3)])
def test_a_build_spends_its_time_on_imagery(
    benchmark, tmp_path, monkeypatch, size_px, least
):
    drive = write_drive(tmp_path / "drive", 1_000)
    ortho = write_imagery(tmp_path / "ortho.tif", rows=2, px=40.0 / size_px)
    spent = Spent(monkeypatch)
    settings = BuildSettings(
        drive=drive,
        imagery=(ortho,),
        licence="CC0-1.0",
        out=tmp_path / "a.pack",
        m_per_px=80.0 / size_px,
    )

    def build():
        start = time.process_time()
        report = build_pack(settings)
        return report, time.process_time() - start

    report, seconds = benchmark.pedantic(build, rounds=1)
    share = spent.seconds / seconds
    other_ms = 1000.0 * (seconds - spent.seconds) / report.counts["frames"]
    benchmark.extra_info |= {"share": share, "other_ms_per_frame": other_ms}
    sys.stdout.write(
        f"\n{size_px} px: {share:.0%} of {seconds:.1f} s on imagery; {other_ms:.2f} ms "
        "a street picture on the rest\n"
    )
    assert share > least


@pytest.mark.parametrize("count", [1_000, 10_000, 100_000])
def test_memory_of_a_build(benchmark, tmp_path, count):
    drive = write_drive(tmp_path / "drive", count)
    rows = -(-count // PER_SESSION)
    ortho = write_imagery(tmp_path / "ortho.tif", rows=rows, px=2.0)

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
    assert peak < 300 + 6.0 * count / 1000
