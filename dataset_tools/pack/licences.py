"""What licences say of passing pictures on, as far as their names tell."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

FORBIDDING: Final = re.compile(
    r"all rights reserved|proprietary|confidential|redistribut\w* (is )?(not|forbidden)"
    r"|(no|not|without|forbid\w*|prohibit\w*)\b[^.;]{0,40}\b(redistribut|re-distribut"
    r"|pass\w* on|shar(e|ing)\b|re-?publi)",
    re.IGNORECASE,
)
"""Words of a licence under which pictures may not be passed on."""
SPDX: Final = re.compile(
    r"(0BSD|Apache-\d\.\d|BSD-\d-Clause|CC-BY(-NC)?(-SA|-ND)?-\d\.\d|CC0-\d\.\d|MIT"
    r"|CDLA-[A-Za-z]+-\d\.\d|DL-DE-BY-2\.0|DL-DE-ZERO-2\.0|etalab-2\.0|ODbL-\d\.\d"
    r"|ODC-By-\d\.\d|OGL-UK-\d\.\d|PDDL-\d\.\d)"
)
"""Identifiers that data are often licensed by; others stay texts."""


def forbidding(licences: Iterable[Mapping[str, Any]]) -> list[str]:
    """The licences among them whose words forbid passing pictures on.

    >>> forbidding([{"licence": "CC0-1.0"}, {"licence": "No redistribution"}])
    ['No redistribution']
    """
    texts = (str(entry.get("licence") or "") for entry in licences)
    return list(dict.fromkeys(t for t in texts if FORBIDDING.search(t)))


def licence_address(text: str) -> str:
    """The address of a licence that is an SPDX identifier, else the text itself.

    >>> licence_address("CC-BY-4.0")
    'https://spdx.org/licenses/CC-BY-4.0'
    """
    text = text.strip()
    return f"https://spdx.org/licenses/{text}" if SPDX.fullmatch(text) else text
