"""A released folder: listed once a folder, never left, and its lists read bounded.

Released sets hold hundreds of thousands of files, so whether one is there is looked
up in the listing of its folder. Lists come from the internet: what they name must lie
inside of the folder, links included.
"""

import os
import re
from pathlib import Path

from dataset_tools.errors import MissingDataError, UnreadableError

MAX_LIST_BYTES = 64 * 1024**2
"""Largest list or table that is read; the largest released one has 9 MB."""
ARCHIVES = re.compile(
    r"\.(zip|rar|7z|tgz|tar|tar\.\w+|gz|z\d\d|part\w*|crdownload|download)$",
    re.IGNORECASE,
)
_DRIVE = re.compile(r"[A-Za-z]:")


class Folder:
    """Files below a root by their relative POSIX paths."""

    def __init__(self, path: Path, *, top: Path | None = None) -> None:
        """Take a folder; links may lead to anywhere below `top`, by default itself.

        Raises:
            MissingDataError: if there is no such folder.
            UnreadableError: if it is a link to outside of `top`.
        """
        if not path.is_dir():
            raise MissingDataError(
                f"There is no folder {path}; give the folder that the data set was "
                "unpacked into."
            )
        self.path = path.resolve()
        self.top = self.path if top is None else top
        self._names: dict[str, frozenset[str]] = {}
        self._folders: dict[str, tuple[str, ...]] = {}
        self.links_out: list[str] = []
        """Links to files outside of `top`, which are not read."""
        if not self.path.is_relative_to(self.top):
            raise UnreadableError(_leads_out(str(path)))

    def sub(self, relative: str) -> "Folder":
        """A folder below, with the same bounds."""
        return Folder(self.path / relative, top=self.top)

    def names(self, relative: str = "") -> frozenset[str]:
        """Names of the files in a folder below; none where there is no such folder.

        Raises:
            UnreadableError: if the folder is a link out of the root or unreadable.
        """
        relative = relative.strip("/")
        if relative not in self._names:
            self._list(relative)
        return self._names[relative]

    def folders(self, relative: str = "") -> tuple[str, ...]:
        """Sorted names of the folders in a folder below."""
        self.names(relative)
        return self._folders[relative.strip("/")]

    def has(self, relative: str) -> bool:
        """Whether a file is there, by the listing of its folder."""
        parent, _, name = relative.rpartition("/")
        return name in self.names(parent)

    def file(self, relative: str) -> Path:
        """The path of a file that `has` found."""
        return self.path / relative.lstrip("/")

    def archives(self) -> list[str]:
        """Names of archives, whole or in part, that lie about unpacked or not."""
        return sorted(n for n in self.names() if ARCHIVES.search(n))

    def _list(self, relative: str) -> None:
        folder = self.path / relative
        self._names[relative], self._folders[relative] = frozenset(), ()
        if not folder.is_dir():
            return
        if not folder.resolve().is_relative_to(self.top):
            raise UnreadableError(_leads_out(relative))
        files, folders = [], []
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    # Names with a dot in front are what file managers leave behind.
                    if entry.name.startswith("."):
                        continue
                    if entry.is_symlink() and not self._is_inside(entry):
                        self.links_out.append(f"{relative}/{entry.name}".lstrip("/"))
                    elif entry.is_dir():
                        folders.append(entry.name)
                    elif entry.is_file():
                        files.append(entry.name)
        except OSError as error:
            raise UnreadableError(
                f"The folder {folder} cannot be listed: {error.strerror}. Check its "
                "permissions and the disk."
            ) from error
        self._names[relative] = frozenset(files)
        self._folders[relative] = tuple(sorted(folders))

    def _is_inside(self, entry: "os.DirEntry[str]") -> bool:
        return Path(entry.path).resolve().is_relative_to(self.top)


def _leads_out(name: str) -> str:
    return (
        f"{name} is a link out of the released folder, and such links are not "
        "followed. Move the data there, or give the folder that really holds them."
    )


def read_lines(path: Path) -> list[str]:
    """The lines of a list without their ends, blank ones left out.

    LF and CRLF, with or without a byte order mark and a final line end.

    Raises:
        MissingDataError: if there is no such file.
        UnreadableError: if it is no text, or larger than any released list.
    """
    if not path.is_file():
        raise MissingDataError(f"The list {path} is not there; unpack it again.")
    size = path.stat().st_size
    if size > MAX_LIST_BYTES:
        raise UnreadableError(
            f"{path} has {size:,} bytes, more than any released list "
            f"({MAX_LIST_BYTES:,}); is it the right file?"
        )
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (UnicodeDecodeError, OSError) as error:
        raise UnreadableError(
            f"{path} is no text ({error}); fetch and unpack it again."
        ) from error
    if "\0" in text:
        raise UnreadableError(
            f"{path} holds zero bytes, as a file does whose copy was interrupted; "
            "fetch and unpack it again."
        )
    return [line for line in text.splitlines() if line.strip()]


def inside(text: str, *, where: str) -> str:
    r"""A path out of a list as a relative POSIX path.

    Args:
        text: the path as it stands; backslashes are separators too.
        where: list and line, for the message.

    Raises:
        UnreadableError: if it is absolute, climbs out with `..`, or is no path.

    >>> inside(r"./bingmap\19\0000001.jpg", where="a list")
    'bingmap/19/0000001.jpg'
    """
    path = text.strip().replace("\\", "/")
    parts = [p for p in path.split("/") if p not in ("", ".")]
    fault = None
    if path.startswith("/") or _DRIVE.match(path):
        fault = "an absolute path"
    elif ".." in parts:
        fault = "a path with '..'"
    elif not parts or any(ord(c) < 32 for c in path):
        fault = "no path"
    if fault:
        raise UnreadableError(
            f"{where} names {text[:80]!r}, {fault}; paths must be relative to the "
            "released folder and stay inside of it. Use the list as it was released."
        )
    return "/".join(parts)
