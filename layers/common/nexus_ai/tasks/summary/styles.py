"""Define the default length and the instructions of each summary style."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from nexus_ai.tasks.summary.models import Style


@dataclass(frozen=True, slots=True)
class StyleRules:
    """Rules of one style.

    Attributes:
        max_characters: The limit if the request has none.
        advice: Describes the style to the model. Part of the prompt.
    """

    max_characters: int
    advice: str


STYLES: Mapping[Style, StyleRules] = MappingProxyType(
    {
        Style.PARAGRAPH: StyleRules(600, "one paragraph of whole sentences, the most important sentence first"),
        Style.BULLETS: StyleRules(800, "separate points, each a short statement, the most important first"),
        Style.HEADLINE: StyleRules(90, "one headline that says what matters, without a full stop"),
        Style.WHATSAPP: StyleRules(
            500, "a WhatsApp message: short sentences, the most important first, *bold* sparingly"
        ),
    }
)
BULLET = "• "
