"""What the stages of a build have said so far: counts, rejections, warnings, clocks."""

from dataclasses import dataclass, field, replace
from typing import Any

from dataset_tools.build_settings import StageReport
from dataset_tools.records import Rejection, count_reasons
from dataset_tools.tracks.clock import ClockOffset


@dataclass
class Stages:
    """The stages so far; a mutable list that the build hands along."""

    reports: list[StageReport] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    """Every item left out so far, in order of the stages."""
    warnings: list[str] = field(default_factory=list)
    """What was found that leaves nothing out."""
    clocks: dict[str, ClockOffset] = field(default_factory=dict)
    """Session -> how its camera's clock was put right."""

    def add(self, stage: str, items: str, kept: int, rejected: list[Rejection]) -> None:
        """Note a stage whose kept and rejected items add up to what it was given."""
        report = StageReport(
            stage=stage,
            items=items,
            given=kept + len(rejected),
            kept=kept,
            rejected=count_reasons(rejected),
        )
        self.reports.append(report)
        self.rejections += [replace(r, stage=stage) for r in rejected]

    def told(self) -> str:
        """Where everything went, for a message about nothing being left."""
        return "; ".join(
            f"{r.stage} kept {r.kept} of {r.given} {r.items}"
            + (f" ({_reasons(r.rejected)}{self._example(r)})" if r.rejected else "")
            for r in self.reports
        )

    def _example(self, report: StageReport) -> str:
        """What was measured, where a stage left nothing."""
        if report.kept:
            return ""
        for r in self.rejections:
            if r.stage == report.stage and r.measured is not None:
                measured, limit = _rounded(r.measured), _rounded(r.limit)
                return f", such as {measured} against {limit} of {r.item}"
        return ""

    def measured(self) -> dict[str, Any]:
        """What was estimated, as `made_by` in `pack.json` keeps it."""
        return {"clocks": {name: c.as_json() for name, c in self.clocks.items()}}


def _rounded(value: float | str | None) -> str:
    """A number as people say it.

    >>> _rounded(48.000000000065725), _rounded(144.0), _rounded("no fix")
    ('48', '144', 'no fix')
    """
    return f"{value:.5g}" if isinstance(value, float) else str(value)


def _reasons(rejected: dict[str, int]) -> str:
    return ", ".join(f"{reason} {count}" for reason, count in rejected.items())
