"""What was done to the pictures of a baked pack, and a hash over it."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

SIZES: Final = ("ground_size", "satellite_size")


def preprocessing_sha256(steps: Mapping[str, Any]) -> str:
    """Hash over every parameter and library version that changes a pixel.

    Args:
        steps: what `preprocessing` in `pack.json` holds; a `sha256` in it is left out.

    Returns:
        64 hexadecimal digits: SHA-256 of the JSON with sorted keys and no spaces.

    >>> preprocessing_sha256({"polar": True})[:8]
    'dd9646e1'
    """
    kept = {key: value for key, value in steps.items() if key != "sha256"}
    text = json.dumps(kept, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def preprocessing_fault(meta: Mapping[str, Any]) -> str | None:
    """Why `preprocessing` of a `pack.json` is not what it should be, or None."""
    steps = meta.get("preprocessing")
    if meta["encoding"] == "encoded":
        return None if not steps else "An encoded pack states a preprocessing."
    if not steps:
        return "A baked pack does not state its preprocessing. Bake it anew."
    for key in SIZES:
        size = steps.get(key)
        if not (
            isinstance(size, list)
            and len(size) == 2
            and all(type(n) is int and n > 0 for n in size)
        ):
            return f"preprocessing states {key}={size!r}, expected [height, width]."
    if steps.get("sha256") != preprocessing_sha256(steps):
        return (
            "The sha256 of preprocessing in pack.json is not that of its parameters; "
            "they were changed after baking. Bake the pack anew."
        )
    return None
