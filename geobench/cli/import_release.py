"""`geobench data import`: a released data set to a pack, one command a data set."""

import json
from pathlib import Path
from typing import Any

import click

from dataset_tools.settings.original import (
    CvactSettings,
    CvusaSettings,
    ImportSettings,
    VermontSettings,
    VigorSettings,
)
from geobench.cli import options
from geobench.cli.build_report import ProgressBar, as_text, summary
from geobench.cli.from_settings import SettingsCommand, options_of, parsed


@click.group(epilog="Example: geobench data import cvusa CVUSA --out packs/cvusa.pack")
def command() -> None:
    """Read a released data set, as it was unpacked, and write its pack.

    `geobench data check ROOT` says beforehand what is there; docs/original-datasets.md
    says which scheme is which published protocol.
    """


def _example(name: str, root: str, more: str = "") -> str:
    return f"Example: geobench data import {name} {root} {more}--out packs/{name}.pack"


@command.command(cls=SettingsCommand, epilog=_example("cvusa", "CVUSA"))
@options.existing_path("root")
@options_of(CvusaSettings)
@options.workers
@options.as_json
def cvusa(root: Path, workers: int, as_json: bool, **given: Any) -> None:
    """Write the pack of CVUSA, unpacked at ROOT.

    Scheme "published": train, and val, which papers test on. Scheme "area": ours.
    """
    _import("cvusa", root, parsed(CvusaSettings, given), workers, as_json=as_json)


@command.command(cls=SettingsCommand, epilog=_example("cvact", "CVACT"))
@options.existing_path("root")
@options_of(CvactSettings)
@options.workers
@options.as_json
def cvact(root: Path, workers: int, as_json: bool, **given: Any) -> None:
    """Write the pack of CVACT, unpacked at ROOT.

    Scheme "published": train, val, and test with every tile within 5 m as right
    answer. Scheme "area": ours.
    """
    _import("cvact", root, parsed(CvactSettings, given), workers, as_json=as_json)


@command.command(
    cls=SettingsCommand, epilog=_example("vigor", "VIGOR", "--labels original ")
)
@options.existing_path("root")
@options_of(VigorSettings)
@options.workers
@options.as_json
def vigor(root: Path, workers: int, as_json: bool, **given: Any) -> None:
    """Write the pack of one label set of VIGOR, unpacked at ROOT.

    Schemes "same-area" and "cross-area": as published, train and test. Scheme "area":
    ours.
    """
    _import("vigor", root, parsed(VigorSettings, given), workers, as_json=as_json)


@command.command(cls=SettingsCommand, epilog=_example("vermont", "Vermont"))
@options.existing_path("root")
@options_of(VermontSettings)
@options.workers
@options.as_json
def vermont(root: Path, workers: int, as_json: bool, **given: Any) -> None:
    """Write the pack of SeqGeo's Vermont set, unpacked at ROOT.

    Scheme "published": train, val and the one sequence between them. "published-dev":
    the authors' small subsets. Scheme "area": ours, without shared frames.
    """
    _import("vermont", root, parsed(VermontSettings, given), workers, as_json=as_json)


def _import(
    name: str, root: Path, settings: ImportSettings, workers: int, *, as_json: bool
) -> None:
    from dataset_tools.originals.importing import import_release

    with ProgressBar(hidden=as_json) as bar:
        report = import_release(name, root, settings, workers=workers, progress=bar)
    click.echo(json.dumps(summary(report), indent=2) if as_json else as_text(report))
