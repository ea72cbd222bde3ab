"""A bar on stderr for long work, hidden where nobody looks at a terminal."""

from typing import Self


class Bar:
    """Progress of one piece of work; call it with what is done and what there is."""

    def __init__(self, what: str, *, hidden: bool = False) -> None:
        from tqdm import tqdm

        # disable=None hides the bar where stderr is no terminal.
        self._bar = tqdm(desc=what, unit="", disable=True if hidden else None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def __call__(self, done: int, total: int) -> None:
        """Show that `done` of `total` items are done."""
        self._bar.total = total
        self._bar.n = done
        self._bar.update(0)
