"""What leaks between splits, or between two packs, and should not.

groups      who is compared with whom
places      ids, positions and footprints that two groups share
hashes      64-bit perceptual hashes, and the near ones among many
lookalikes  pictures that two groups share, by hash and then by pixels
report      all of it in one
draw        the map and the worst pairs side by side
"""

from dataset_tools.audit.leak import Leak, Pair
from dataset_tools.audit.report import AuditReport, audit

__all__ = ["AuditReport", "Leak", "Pair", "audit"]
