"""A procedural Vermont: seeded worlds seen from the street and from above.

    settings -> network -> world (rasters of objects and heights)
                             |-> drive -> ground_view (+ sprites) -> exif |
                             |-> satellite_view                           |-> write
                                             tracks, polygons: side_files |

The two views share the layout and the class of each object; `appearance` draws
colours for each view from a stream of its own. What is written is a raw drive.
"""

from dataset_tools.synthetic.settings import preset_settings
from dataset_tools.synthetic.write import SynthesisReport, synthesize

__all__ = ["SynthesisReport", "preset_settings", "synthesize"]
