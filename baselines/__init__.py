"""Every published or trivial method beside the two reference models, one file each.

Importing this package registers them; `geobench.registry` does so at the first look-up.
"""

from baselines import colour_histogram, linear_probe, random_embedding, safa, vigor

__all__ = ["colour_histogram", "linear_probe", "random_embedding", "safa", "vigor"]
