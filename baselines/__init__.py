"""Every published or trivial method beside the two reference models, one file each.

Importing this package registers them; `geobench.registry` does so at the first look-up.
"""

from baselines import (
    colour_histogram,
    geodtr_plus,
    l2ltr,
    linear_probe,
    random_embedding,
    safa,
    sample4geo,
    transgeo,
    vigor,
)

__all__ = [
    "colour_histogram",
    "geodtr_plus",
    "l2ltr",
    "linear_probe",
    "random_embedding",
    "safa",
    "sample4geo",
    "transgeo",
    "vigor",
]
