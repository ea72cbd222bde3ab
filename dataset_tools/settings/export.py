"""Parameters of writing a pack in other formats."""

from typing import Literal

from pydantic import Field

from dataset_tools.settings.base import Settings

Format = Literal["geopackage", "geojson", "csv", "croissant"]


class ExportSettings(Settings):
    """Which format, and what a description says of who made the pack."""

    format: Format | None = None
    """geopackage: one file for GIS; geojson and csv: a folder of tables; croissant: a
    description for catalogues. What the output's suffix says if not given."""
    base_url: str = ""
    """Address of the folder that the pack is published in."""
    url: str = ""
    """Address of a page about the pack."""
    creator: str = ""
    """Who made the pack."""
    cite_as: str = ""
    """How to cite it, best as BibTeX."""
    published: str = Field("", pattern=r"^(\d{4}-\d{2}-\d{2})?$")
    """Date of publication, as 2026-05-31."""
    dataset_version: str = Field("1.0.0", pattern=r"^\d+\.\d+\.\d+$")
    """Version of the published pack, as 1.0.0."""
    despite_private: bool = False
    """Export a private pack, which may not be passed on, for your own use."""
