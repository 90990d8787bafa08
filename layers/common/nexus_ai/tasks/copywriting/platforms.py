"""Define the limits and the instructions of each platform, with their sources.

If a source says only "characters", UTF-16 code units are counted: no other meaning gives a higher count.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from types import MappingProxyType

from nexus_ai.tasks.copywriting.counting import Unit
from nexus_ai.tasks.copywriting.models import Platform


class Form(Enum):
    """Form of copy. It determines the parts that a variation has."""

    POST = auto()
    EMAIL = auto()
    ADS = auto()
    BLOG = auto()


@dataclass(frozen=True, slots=True)
class Limit:
    """Maximum length of a part, and the unit that it is counted in."""

    maximum: int
    unit: Unit = Unit.UTF16


# 3GPP TS 23.038: a message holds 140 octets, which are 160 septets or 70 UTF-16 code units.
SMS_GSM7, SMS_UTF16 = Limit(160, Unit.GSM7), Limit(70)


@dataclass(frozen=True, slots=True)
class PlatformRules:
    """Rules of one platform.

    Attributes:
        name: Names the kind of text to the model. Part of the prompt.
        max_tokens: The output limit of a variation. It keeps the reservation as small as is safe: Portuguese takes
            about one token per three characters, and a usual text is far shorter than the platform allows.
        advice: Describes a good text to the model. Part of the prompt.
        limits: The limits by part. The limit of a post's `text` includes its hashtags.
        form: The parts of a variation.
        has_hashtags: True if the model returns hashtags in a list.
        max_hashtags: The most hashtags, in the text and in the list together.
        max_mentions: The most mentions.
        is_markdown: True if the platform renders Markdown. Otherwise readers would see its marks.
    """

    name: str
    max_tokens: int
    advice: str
    limits: Mapping[str, Limit] = field(default_factory=dict[str, Limit])
    form: Form = Form.POST
    has_hashtags: bool = False
    max_hashtags: int | None = None
    max_mentions: int | None = None
    is_markdown: bool = False

    @property
    def is_sms(self) -> bool:
        """Return True if the text is sent as one SMS."""
        return self.limits.get("text") == SMS_GSM7


HEADLINES = range(3, 16)
DESCRIPTIONS = range(2, 5)

PLATFORMS: Mapping[Platform | None, PlatformRules] = MappingProxyType(
    {
        None: PlatformRules("short marketing text", 320, "ready to be used anywhere"),
        # developers.facebook.com/docs/instagram-platform/instagram-graph-api/reference/ig-user/media: 2,200 characters
        # and 20 mentions. It says 30 hashtags, but Instagram accepts five, as @creators announced on 2025-12-18.
        Platform.INSTAGRAM: PlatformRules(
            "Instagram caption",
            320,
            "hook first, 3 to 5 hashtags",
            {"text": Limit(2200)},
            has_hashtags=True,
            max_hashtags=5,
            max_mentions=20,
        ),
        # A post holds 63,206 characters (facebook.com/help), but people read far shorter ones.
        Platform.FACEBOOK: PlatformRules(
            "Facebook post",
            360,
            "conversational, at most 2 hashtags",
            {"text": Limit(63_206)},
            has_hashtags=True,
        ),
        # developers.facebook.com/docs/whatsapp/business-management-api/message-templates/components: a body of 1,024.
        Platform.WHATSAPP: PlatformRules(
            "WhatsApp message", 280, "short and personal, *bold* sparingly", {"text": Limit(1024)}
        ),
        # mailchimp.com/help/best-practices-for-email-subject-lines: subject and preview text hold 150 characters, but
        # inboxes show fewer. Gmail cuts a message at 102 KB, which is more than `max_tokens` allows.
        Platform.EMAIL: PlatformRules(
            "marketing e-mail",
            700,
            "subject of at most 60 characters, preheader of at most 90 that adds to it, body in plain paragraphs",
            {"subject": Limit(150), "preheader": Limit(150)},
            form=Form.EMAIL,
            is_markdown=True,
        ),
        # See SMS_GSM7.
        Platform.SMS: PlatformRules(
            "SMS",
            120,
            "one message: without accents, emoji and typographic marks at most 160 characters, with any of them 70",
            {"text": SMS_GSM7},
        ),
        # support.google.com/google-ads/answer/7684791 (responsive search ads) and answer/1704389 (widths).
        Platform.GOOGLE_ADS: PlatformRules(
            "Google responsive search ad",
            320,
            "5 different headlines without exclamation marks, 3 different descriptions, no emoji",
            {"headlines": Limit(30, Unit.WIDTH), "descriptions": Limit(90, Unit.WIDTH)},
            form=Form.ADS,
        ),
        # linkedin.com/help/linkedin/answer/a528176: a post holds 3,000 characters.
        Platform.LINKEDIN: PlatformRules(
            "LinkedIn post", 480, "professional, at most 3 hashtags", {"text": Limit(3000)}, has_hashtags=True
        ),
        # developers.tiktok.com/doc/content-posting-api-reference-direct-post: 2,200 UTF-16 runes. Since August 2025 a
        # caption may have five hashtags.
        Platform.TIKTOK: PlatformRules(
            "TikTok caption",
            240,
            "energetic, 3 to 5 hashtags",
            {"text": Limit(2200)},
            has_hashtags=True,
            max_hashtags=5,
        ),
        # docs.x.com/fundamentals/counting-characters
        Platform.X: PlatformRules(
            "post on X",
            160,
            "one thought, at most 2 hashtags, 240 characters with them",
            {"text": Limit(280, Unit.WEIGHTED)},
            has_hashtags=True,
        ),
        # developers.google.com/search/docs/appearance/structured-data/article and /snippet: search results cut longer
        # titles and descriptions. No platform enforces it, but these two parts are written for search results.
        Platform.BLOG: PlatformRules(
            "blog article",
            1600,
            "title of at most 70 characters, metaDescription of at most 155, body in Markdown without the title",
            {"title": Limit(110), "metaDescription": Limit(160)},
            form=Form.BLOG,
            is_markdown=True,
        ),
    }
)
