"""How commands that write a pack show their progress and their report."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataset_tools.build_settings import BuildReport


class ProgressBar:
    """The progress of a build as one bar on stderr."""

    def __init__(self, *, hidden: bool) -> None:
        from tqdm import tqdm

        # disable=None hides the bar where nobody looks at a terminal.
        self._bar = tqdm(desc="build", unit="", disable=True if hidden else None)

    def __enter__(self) -> "ProgressBar":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Show how far a stage is."""
        self._bar.total = total
        self._bar.set_description(stage, refresh=False)
        self._bar.n = done
        self._bar.update(0)


def summary(report: "BuildReport") -> dict[str, Any]:
    """The report for programs."""
    from dataclasses import asdict

    return {
        "path": str(report.path),
        "stages": [asdict(stage) for stage in report.stages],
        "counts": report.counts,
        "warnings": list(report.warnings),
        "notes": list(report.notes),
    }


def as_text(report: "BuildReport") -> str:
    """The report as a table and a line on the pack."""
    wide = max([12, *(len(s.stage) for s in report.stages)])
    lines = [f"{'stage':<{wide}} {'items':<10}{'in':>9}{'kept':>9}  rejected by reason"]
    for s in report.stages:
        reasons = ", ".join(f"{k} {v:,}" for k, v in s.rejected.items()) or "none"
        counts = f"{s.items:<10}{s.given:>9,}{s.kept:>9,}"
        lines.append(f"{s.stage:<{wide}} {counts}  {reasons}")
    lines += [f"Note: {text}" for text in report.notes]
    lines += [f"Warning: {text}" for text in report.warnings]
    counts = ", ".join(f"{v:,} {k}" for k, v in report.counts.items())
    return "\n".join([*lines, f"Wrote {report.path}: {counts}."])
