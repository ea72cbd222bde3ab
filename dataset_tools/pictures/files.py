"""Which files of a drive are pictures, none of them outside of it."""

from pathlib import Path

from dataset_tools.errors import MissingDataError
from dataset_tools.records import Outcome, Rejection

STAGE = "pictures"
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff"})


def picture_paths(folder: Path) -> Outcome[Path]:
    """Picture files in a folder and its subfolders, sorted by path.

    The suffix decides only whether a file is looked at, not as what it is read. A
    link that leaves the folder is rejected: a pack would publish what it points to.

    Raises:
        MissingDataError: if the folder is not there or holds no picture.
    """
    if not folder.is_dir():
        message = f"There is no folder {folder}; a folder of pictures is expected."
        raise MissingDataError(message)
    outcome: Outcome[Path] = Outcome()
    root = folder.resolve()
    # Folders that are links are not entered.
    for path in sorted(folder.rglob("*")):
        # Files that begin with a dot are other systems' shadows of pictures.
        if path.suffix.lower() not in SUFFIXES or path.name[0] == ".":
            continue
        if path.is_symlink() and not path.resolve().is_relative_to(root):
            outcome.rejected.append(
                Rejection(
                    item=path.relative_to(folder).as_posix(),
                    stage=STAGE,
                    reason="link-out-of-drive",
                )
            )
        elif path.is_file():
            outcome.kept.append(path)
    if not outcome.kept and not outcome.rejected:
        message = (
            f"The folder {folder} holds no picture; expected are "
            f"{', '.join(sorted(SUFFIXES))}, also in subfolders."
        )
        raise MissingDataError(message)
    return outcome
