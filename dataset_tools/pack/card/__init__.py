"""What a person reads first: the card of a pack, its map and its pictures.

Everything on it comes from the pack's own files, so that it can be written again at
any time; nothing of it is covered by the pack's hash.
"""

from pathlib import Path

from dataset_tools.pack.atomic import write_bytes, write_text
from dataset_tools.pack.card.facts import card_facts
from dataset_tools.pack.card.text import card_text
from dataset_tools.pack.format import (
    CARD_FILE,
    HISTOGRAMS_FILE,
    MAP_FILE,
    PAGE_FILE,
    SHEET_FILE,
)
from dataset_tools.pack.read import Pack

__all__ = ["card_facts", "write_card"]


def write_card(path: Path) -> Path:
    """Write `card.md`, `card.html` and their pictures into a pack.

    Returns:
        The path of `card.md`.

    Raises:
        MissingDataError: if the folder is no pack.
        IntegrityError: if its tables or pictures are damaged.
    """
    # matplotlib and jinja2 take a while to load; facts alone need neither.
    from dataset_tools.pack.card.histograms import draw_histograms
    from dataset_tools.pack.card.map import draw_map
    from dataset_tools.pack.card.page import card_page
    from dataset_tools.pack.card.sheet import draw_sheet

    with Pack.open(path) as pack:
        facts = card_facts(pack)
        pictures = {
            MAP_FILE: draw_map(pack),
            SHEET_FILE: draw_sheet(pack),
            HISTOGRAMS_FILE: draw_histograms(pack),
        }
    for name, data in pictures.items():
        write_bytes(path / name, data)
    write_text(path / PAGE_FILE, card_page(facts, pictures))
    write_text(path / CARD_FILE, card_text(facts))
    return path / CARD_FILE
