"""Parameters of mending a pack: where what is damaged can be had again."""

from pathlib import Path

from dataset_tools.settings.base import Settings, any_path_field, folder_field


class RepairSettings(Settings):
    """The sources that a pack was built from."""

    drive: Path | None = folder_field()
    """Folder of the pictures that the frames were taken from."""
    imagery: tuple[Path, ...] = any_path_field(())
    """Imagery or tile list that the tiles were cut from; repeatable."""
    imagery_crs: str | None = None
    """CRS of imagery that does not state its own, such as EPSG:32618."""
