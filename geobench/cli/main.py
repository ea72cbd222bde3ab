"""`geobench`: the groups, exit codes and the one place where errors become lines.

Commands are imported when they are called, so that `--help` answers at once.
Exit codes: 0 done, 1 done with findings, 2 wrong usage, 3 data missing or
unreadable or the output not writable, 4 integrity, 130 interrupted.
"""

import logging
import sys
from importlib import import_module

import click

from geobench import __version__

TOP = {
    "demo": (
        "geobench.cli.demo",
        "Run the whole job on a made world, to three tables.",
    ),
    "train": ("geobench.cli.train", "Train a model on one or more packs."),
    "import-weights": (
        "geobench.cli.import_weights",
        "Make a checkpoint of released weights.",
    ),
    "embed": ("geobench.cli.embed", "Write a model's embeddings of a task."),
    "evaluate": ("geobench.cli.evaluate", "Score an embedding folder on a task."),
    "score": ("geobench.cli.score", "Score anybody's embeddings from plain files."),
    "table": ("geobench.cli.table", "Write the tables of a results folder."),
    "report": ("geobench.cli.report", "Write the page of a run."),
    "reproduce": (
        "geobench.cli.reproduce",
        "Train and test a published row again, and compare.",
    ),
    "show": ("geobench.cli.show", "List models and tasks."),
    "cite": ("geobench.cli.cite", "Print how to cite toolkit, data and model."),
    "doctor": ("geobench.cli.doctor", "Check this installation."),
}
DATA = {
    "synthesize": ("geobench.cli.synthesize", "Make a procedural world's raw drives."),
    "sequences": ("geobench.cli.sequences", "Form sequences from a drive or track."),
    "build": ("geobench.cli.build", "Build a pack from a drive and imagery."),
    "import": (
        "geobench.cli.import_release",
        "Write the pack of a released data set.",
    ),
    "request": ("geobench.cli.request", "Say who grants access to a data set."),
    "check": ("geobench.cli.check", "Check a pack, or a released folder."),
    "audit": ("geobench.cli.audit", "Report what leaks between splits or packs."),
    "card": ("geobench.cli.card", "Write a pack's card and map."),
    "bake": ("geobench.cli.bake", "Bake a pack to one model's input."),
    "export": ("geobench.cli.export", "Write a pack as GeoPackage, CSV or Croissant."),
    "merge": ("geobench.cli.merge", "Join packs to one; shards are reused."),
    "subset": ("geobench.cli.subset", "Write some sequences of a pack as a pack."),
    "repair": ("geobench.cli.repair", "Mend a damaged pack, or leave out what is."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def __init__(
        self, *, lazy: dict[str, tuple[str, str]], **attributes: object
    ) -> None:
        super().__init__(**attributes)  # type: ignore[arg-type]
        self._lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the job, eager ones last."""
        return [*self._lazy, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now."""
        if cmd_name in self._lazy:
            return import_module(self._lazy[cmd_name][0]).command
        return super().get_command(ctx, cmd_name)

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """The list of commands, from their one-line texts, without importing them."""
        rows = [(name, text) for name, (_, text) in self._lazy.items()]
        for name, found in sorted(self.commands.items()):
            rows.append((name, found.get_short_help_str(60)))
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@click.group(
    cls=LazyGroup,
    lazy=TOP,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: geobench demo --preset tiny --run runs/demo",
)
@click.version_option(__version__, prog_name="geobench")
@click.option("-v", "--verbose", is_flag=True, help="Log more; show tracebacks.")
@click.pass_context
def cli(ctx: click.Context, verbose: bool) -> None:
    """Cross-view geo-localization: build packs, train models, get tables."""
    ctx.obj = {"verbose": verbose}
    level = logging.DEBUG if verbose else logging.WARNING
    logging.basicConfig(level=level, format="%(levelname)s %(name)s: %(message)s")
    for chatty in ("matplotlib", "PIL", "rasterio", "filelock"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


@cli.group(
    cls=LazyGroup,
    lazy=DATA,
    epilog="Example: geobench data check my.pack",
)
def data() -> None:
    """From raw drives and imagery to packs."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    from dataset_tools.errors import DatasetToolsError
    from geobench.errors import GeobenchError

    words = sys.argv[1:] if arguments is None else arguments
    try:
        code = cli.main(words, prog_name="geobench", standalone_mode=False)
    except click.exceptions.Abort:
        code = _say("Interrupted. Run the same command again to go on.", 130)
    except KeyboardInterrupt:
        code = _say("Interrupted. Run the same command again to go on.", 130)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (DatasetToolsError, GeobenchError) as error:
        if "-v" in words or "--verbose" in words:
            raise
        code = _say(f"Error: {error}", error.exit_code)
    except OSError as error:
        # A full or broken disk may speak up anywhere; a bug has no errno.
        if error.errno is None or "-v" in words or "--verbose" in words:
            raise
        code = _say(f"Error: {_system_fault(error)}", 3)
    sys.exit(code if isinstance(code, int) else 0)


def _system_fault(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename is not None else ""
    return f"{where}{error.strerror}. Check the disk and your rights there."


def _say(sentence: str, code: int) -> int:
    click.echo(sentence, err=True)
    return code


if __name__ == "__main__":
    main()
