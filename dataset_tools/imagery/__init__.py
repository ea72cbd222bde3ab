"""Imagery a user holds, as a place that north-up tiles can be cut from.

A GeoTIFF or another georeferenced file, a folder or an index of them, Web Mercator
tiles in a folder or MBTiles, or a list of single pictures; `open_imagery` tells them
apart, `open_sources` opens all that a build was given. Nothing is ever downloaded.
"""

from dataset_tools.imagery.collection import RasterCollection
from dataset_tools.imagery.geotiff import GeoRaster
from dataset_tools.imagery.opening import open_imagery
from dataset_tools.imagery.pyramid import TilePyramid
from dataset_tools.imagery.source import About, Imagery, Reading
from dataset_tools.imagery.sources import open_sources
from dataset_tools.imagery.tile_list import TileList

__all__ = [
    "About",
    "GeoRaster",
    "Imagery",
    "RasterCollection",
    "Reading",
    "TileList",
    "TilePyramid",
    "open_imagery",
    "open_sources",
]
