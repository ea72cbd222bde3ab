"""Files that a list names: only those in the list's own folder or below."""

from pathlib import Path, PurePosixPath


def listed_file(folder: Path, name: str) -> Path | None:
    """The path of a file that a list in `folder` names, or None where it lies outside.

    Absolute paths, `..`, drive letters, addresses and links that lead out of the
    folder are outside. Backslashes are read as slashes.
    """
    place = PurePosixPath(name.strip().replace("\\", "/"))
    if place.is_absolute() or ".." in place.parts or ":" in name or "\0" in name:
        return None
    if not place.parts:
        return None
    inside = (folder / place).resolve().is_relative_to(folder.resolve())
    return folder / place if inside else None
