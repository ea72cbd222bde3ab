"""GeoDTR and SeqGeo, the two models this suite stands for.

Importing this package registers them; `geobench.registry` does so at the first look-up.
"""

from reference_models import geodtr, seqgeo

__all__ = ["geodtr", "seqgeo"]
