"""A synthetic data set as raw drives: one folder a region, as a user would bring it.

A region is written beside its final name and renamed when it is whole, so that an
interrupted run leaves finished regions only, and goes on where it stopped.
"""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path

from dataset_tools import geodesy
from dataset_tools.errors import UsageError
from dataset_tools.synthetic.drive import Shot, plan_drive
from dataset_tools.synthetic.exif import encode, picture_tags
from dataset_tools.synthetic.ground_view import GroundView, Pose
from dataset_tools.synthetic.satellite_view import SatelliteView, write_orthophoto
from dataset_tools.synthetic.settings import CRS, RegionSettings, SynthesisSettings
from dataset_tools.synthetic.side_files import (
    write_areas,
    write_readme,
    write_strata,
    write_track,
)
from dataset_tools.synthetic.world import World, build_world, region_network

Progress = Callable[[str, int, int], None]
"""Called with region, pictures done and pictures in all."""

REVISION = 1
"""Raised when the same settings and seed begin to give other bytes."""
BATCH = 64
"""Shots a worker takes at a time."""
PANORAMAS, FRONTS = "ground-panorama", "ground-front"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionReport:
    """What was written for one region."""

    name: str
    folder: Path
    sessions: int
    panoramas: int
    fronts: int
    reused: bool
    """Whether the region was there already, from the same settings."""


@dataclass(frozen=True, slots=True)
class SynthesisReport:
    """What was written, region by region."""

    regions: tuple[RegionReport, ...]


@dataclass(frozen=True, slots=True)
class _Job:
    """Shots of one region for one worker to render."""

    region: RegionSettings
    seed: int
    folder: Path
    shots: tuple[tuple[str, Shot], ...]
    """Each with its session's name."""
    grid_bearing_deg: float
    """Bearing of grid north, to be added to an azimuth on the grid."""


def synthesize(
    out: Path,
    preset: SynthesisSettings,
    *,
    workers: int = 1,
    progress: Progress | None = None,
) -> SynthesisReport:
    """Write the raw drives of a procedural world, OUT/REGION for each region.

    Args:
        out: folder to write into; finished regions of the same settings are kept.
        preset: from `preset_settings`, or settings of one's own.
        workers: processes that render; the bytes do not depend on it.
        progress: told of each batch of pictures.

    Returns:
        What was written or found, region by region.

    Raises:
        UsageError: if a region's folder holds something else, or workers is below 1.
    """
    if workers < 1:
        message = f"Rendering needs at least 1 worker, got {workers}: give 1 or more."
        raise UsageError(message)
    for region in preset.regions:
        _check_free(out / region.name, _digest(region, preset.seed))
    out.mkdir(parents=True, exist_ok=True)
    reports = []
    with _pool(workers) as pool:
        for region in preset.regions:
            reports.append(_region(out, region, preset.seed, pool, progress))
    _views.cache_clear()
    return SynthesisReport(tuple(reports))


def _region(
    out: Path,
    region: RegionSettings,
    seed: int,
    pool: ProcessPoolExecutor | None,
    progress: Progress | None,
) -> RegionReport:
    """Write one region, or report it if it is there."""
    final, digest = out / region.name, _digest(region, seed)
    network = region_network(region, seed=seed)
    shots = plan_drive(region, network, seed=seed)
    names = _session_names(shots)
    if not final.exists():
        folder = out / f".{region.name}.partial"
        if folder.exists():
            shutil.rmtree(folder)
        _folders(folder, names)
        place = _to_degrees(region)
        write_strata(folder / "strata.geojson", region, network.zones, place)
        if len(region.areas) > 1:
            write_areas(folder / "areas.geojson", region, place)
        for session, name in names.items():
            mine = [s for s in shots if s.session == session]
            write_track(folder / "tracks" / f"{name}.gpx", mine, place)
        total = sum(1 + shot.panorama for shot in shots)
        _render(_jobs(region, seed, folder, shots, names), pool, progress, total)
        write_readme(folder / "README.txt", region, seed=seed, digest=digest)
        _sync(folder)
        folder.rename(final)
        reused = False
    else:
        reused = True
    return RegionReport(
        name=region.name,
        folder=final,
        sessions=len(names),
        panoramas=sum(shot.panorama for shot in shots),
        fronts=len(shots),
        reused=reused,
    )


def _render(
    jobs: list[_Job],
    pool: ProcessPoolExecutor | None,
    progress: Progress | None,
    total: int,
) -> None:
    """Render the orthophoto and all pictures, in this process or in the pool's."""
    first, done = jobs[0], 0
    ortho = (first.region, first.seed, first.folder / "imagery" / "ortho.tif")
    if pool is None:
        write_ortho(*ortho)
        for job in jobs:
            done += write_pictures(job)
            if progress is not None:
                progress(job.region.name, done, total)
        return
    # The orthophoto goes first: it is the longest piece and must not be the last.
    futures: list[Future[int]] = [pool.submit(write_ortho, *ortho)]
    futures += [pool.submit(write_pictures, job) for job in jobs]
    try:
        for future in as_completed(futures):
            done += future.result()
            if progress is not None:
                progress(first.region.name, done, total)
    finally:
        for future in futures:
            future.cancel()


def write_ortho(region: RegionSettings, seed: int, path: Path) -> int:
    """Write a region's orthophoto; returns 0, the number of ground pictures."""
    view = SatelliteView(_views(region, seed)[0], region, seed=seed)
    for _ in write_orthophoto(path, view):
        pass
    return 0


def write_pictures(job: _Job) -> int:
    """Render and write a batch of shots; returns the number of pictures."""
    view = _views(job.region, job.seed)[1]
    place = _to_degrees(job.region)
    count = 0
    for session, shot in job.shots:
        position = (
            None if shot.lost_fix else place([(shot.gps_east, shot.gps_north)])[0]
        )
        for panorama in (False, True)[: 1 + shot.panorama]:
            data = _picture(view, job, shot, panorama=panorama, position=position)
            kind = PANORAMAS if panorama else FRONTS
            (job.folder / kind / session / f"{shot.number:06d}.jpg").write_bytes(data)
            count += 1
    return count


def _picture(
    view: GroundView,
    job: _Job,
    shot: Shot,
    *,
    panorama: bool,
    position: tuple[float, float] | None,
) -> bytes:
    """JPEG bytes of one picture; a repeat has the pixels of the shot it repeats."""
    source = shot.number if shot.repeats is None else shot.repeats
    camera = job.region.camera
    # A panorama is turned north by the recorded heading, so it inherits its error.
    azimuth = (
        shot.panorama_error_deg - job.grid_bearing_deg if panorama else shot.azimuth_deg
    )
    heading = 0.0
    if not panorama:
        heading = shot.azimuth_deg + job.grid_bearing_deg + shot.heading_error_deg
    pose = Pose(
        east=shot.east,
        north=shot.north,
        azimuth_deg=azimuth,
        session=shot.session,
        seed=(job.seed, job.region.index, 20 + panorama, shot.session, source),
    )
    tags = picture_tags(
        time_ns=shot.time_ns,
        position=position,
        heading_deg=heading,
        focal_35mm=None if panorama else camera.focal_35mm,
    )
    picture = view.render(view.panorama if panorama else view.front, pose)
    strip = (camera.panorama_elevation_deg, heading) if panorama else None
    return encode(picture, tags=tags, panorama=strip)


@lru_cache(maxsize=1)
def _views(region: RegionSettings, seed: int) -> tuple[World, GroundView]:
    """The last region's world and ground view: each worker makes its own, once."""
    world = build_world(region, seed=seed)
    return world, GroundView(world, region, seed=seed)


def _jobs(
    region: RegionSettings,
    seed: int,
    folder: Path,
    shots: list[Shot],
    names: dict[int, str],
) -> list[_Job]:
    """Batches of shots in order."""
    named = [(names[shot.session], shot) for shot in shots]
    (south, west), (north, east) = _to_degrees(region)([(0.0, 0.0), (0.0, 1000.0)])
    bearing = float(geodesy.bearing_deg(south, west, north, east))
    return [
        _Job(region, seed, folder, tuple(named[k : k + BATCH]), bearing)
        for k in range(0, max(len(named), 1), BATCH)
    ]


def _to_degrees(
    region: RegionSettings,
) -> Callable[[list[tuple[float, float]]], list[tuple[float, float]]]:
    """A function from metres in a region to (lat, lon)."""
    project = geodesy.transformer(CRS, "EPSG:4326").transform
    east, north = region.origin

    def place(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
        lon, lat = project(
            [east + x for x, _ in points], [north + y for _, y in points]
        )
        return [(float(a), float(b)) for a, b in zip(lat, lon, strict=True)]

    return place


def _session_names(shots: list[Shot]) -> dict[int, str]:
    """YYYYMMDD.HHMMSS of each session's first shot."""
    names: dict[int, str] = {}
    for shot in shots:
        moment = datetime.fromtimestamp(shot.time_ns // 1_000_000_000, UTC)
        names.setdefault(shot.session, moment.strftime("%Y%m%d.%H%M%S"))
    return names


def _folders(folder: Path, names: dict[int, str]) -> None:
    """Make a region's empty folders."""
    for name in names.values():
        (folder / PANORAMAS / name).mkdir(parents=True)
        (folder / FRONTS / name).mkdir(parents=True)
    (folder / "tracks").mkdir(parents=True)
    (folder / "imagery").mkdir()


def _check_free(folder: Path, digest: str) -> None:
    """Refuse a folder that is not this very region."""
    readme = folder / "README.txt"
    if folder.exists() and not (
        readme.is_file() and digest in readme.read_text("utf-8")
    ):
        message = (
            f"{folder} exists and was not made from these settings and this seed: "
            "choose another --out or remove it."
        )
        raise UsageError(message)


def _digest(region: RegionSettings, seed: int) -> str:
    """What tells one region's settings and seed from any other's."""
    return hashlib.sha256(repr((REVISION, seed, region)).encode()).hexdigest()


def _sync(folder: Path) -> None:
    """Ask the system to have the region's few big files on disk before the rename."""
    for path in (folder / "imagery" / "ortho.tif", folder / "README.txt"):
        with path.open("rb") as file:
            os.fsync(file.fileno())


@contextmanager
def _pool(workers: int) -> Iterator[ProcessPoolExecutor | None]:
    """Fresh processes, or none for a single worker.

    They are spawned, not forked: a caller may have threads running.
    """
    if workers == 1:
        yield None
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield pool
