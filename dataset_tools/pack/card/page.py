"""The card of a pack as one page, `card.html`: no script, no address, no other file.

Every text passes jinja2's autoescape, and the policy in the head forbids all that
the page does not hold itself, so that names from strangers stay names.
"""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from dataset_tools.pack.card.text import licence_rows
from dataset_tools.pack.format import HISTOGRAMS_FILE, MAP_FILE, SHEET_FILE

TEMPLATE: Final = Path(__file__).with_name("page.html.j2")


def card_page(facts: Mapping[str, Any], pictures: Mapping[str, bytes]) -> str:
    """The page.

    Args:
        facts: as `card_facts` gives them.
        pictures: file name -> PNG.
    """
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    uris = {
        name: "data:image/png;base64," + base64.b64encode(data).decode()
        for name, data in pictures.items()
    }
    return template.render(
        facts=facts,
        map=uris[MAP_FILE],
        sheet=uris[SHEET_FILE],
        histograms=uris[HISTOGRAMS_FILE],
        extent=facts["extent"],
        licences=licence_rows(facts["licences"]),
        parameters={
            name: json.dumps(facts[name], indent=2, sort_keys=True, ensure_ascii=False)
            for name in ("preprocessing", "made_by")
            if facts[name]
        },
    )
