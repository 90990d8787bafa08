"""Characters as readers count them: extended grapheme clusters (https://www.unicode.org/reports/tr29/)."""

import re

import grapheme  # pyright: ignore[reportMissingTypeStubs]

# Clusters end before and behind a control, whatever stands there (GB4, GB5). graphemeu 0.11 does not see that a flag
# begins behind one, so that what stands between controls is counted by itself.
_CONTROLS = re.compile(
    "\r\n|[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff0-\ufffb"
    "\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e001f\U000e0080-\U000e00ff"
    "\U000e01f0-\U000e0fff]"
)


def count(text: str) -> int:
    """How many clusters a text has; a line break is one."""
    pieces = _CONTROLS.split(text)
    lengths: list[int] = [grapheme.length(piece) for piece in pieces]  # pyright: ignore[reportUnknownMemberType]
    return sum(lengths) + len(pieces) - 1
