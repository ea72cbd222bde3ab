"""Picture bytes and what can be done to them between a drive and a pack.

    files > codec > gpano                     what is read, within bounds
    faces > view                              what frames show, from headers alone
    blur > cube > mask > sphere, work         the bytes that a pack stores

Street pictures carry names, serial numbers and home positions in their metadata; a
pack stores the pixels' bytes untouched (`metadata`) and nothing else, unless more is
asked for.
"""

from dataset_tools.pictures.codec import (
    DECODING_ERRORS,
    MAX_PIXELS,
    Pixels,
    decode,
    decoding_fault,
    encode_jpeg,
    encode_png,
    open_bounded,
)
from dataset_tools.pictures.metadata import rewrite_reason, without_metadata

__all__ = [
    "DECODING_ERRORS",
    "MAX_PIXELS",
    "Pixels",
    "decode",
    "decoding_fault",
    "encode_jpeg",
    "encode_png",
    "open_bounded",
    "rewrite_reason",
    "without_metadata",
]
