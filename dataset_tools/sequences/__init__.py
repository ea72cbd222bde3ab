"""Forming sequences by GPS: parts of a track, cut where it breaks.

A track is cut at a new session, a gap in metres or seconds, an impossible speed and a
turn back; a rule (distance, time, count, radius) says which frames of a piece are a
sequence. Every frame is in a sequence or is rejected with the reason that kept it out.

    rule       what a sequence is, and the limits
    pieces     where a track is cut
    windows    what each row would begin, by distance, time and count
    circles    what lies around each row, in its pass or in all passes
    columns    numbers in, numbers out: half a million fixes a second
    form       frames in, sequences and rejections out
    strata     which kind of place a sequence lies in
"""

from dataset_tools.sequences.columns import SequenceColumns, form_columns
from dataset_tools.sequences.form import STAGE, form_sequences
from dataset_tools.sequences.rule import RuleName, SequenceRule
from dataset_tools.sequences.strata import assign_strata

__all__ = [
    "STAGE",
    "RuleName",
    "SequenceColumns",
    "SequenceRule",
    "assign_strata",
    "form_columns",
    "form_sequences",
]
