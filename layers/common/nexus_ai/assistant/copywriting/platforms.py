"""What each platform takes and how much room an answer needs: one table."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from nexus_ai.assistant.copywriting.models import Platform


@dataclass(frozen=True, slots=True)
class PlatformRules:
    """`max_characters` is the most that a post may hold, hashtags included; `max_tokens` a variation's output.

    Output is bounded so that a reservation is as small as is safe: Portuguese takes about one token for three
    characters, and a usual text for the platform is far below its limit.
    """

    name: str
    max_characters: int
    max_tokens: int
    hashtags: bool
    advice: str


PLATFORMS: Mapping[Platform | None, PlatformRules] = MappingProxyType(
    {
        None: PlatformRules("short marketing text", 5000, 320, False, "ready to be used anywhere"),
        # help.instagram.com: a caption holds 2,200 characters and 30 hashtags.
        Platform.INSTAGRAM: PlatformRules("Instagram caption", 2200, 320, True, "hook first, 3 to 5 hashtags"),
        # facebook.com: a post holds 63,206 characters; what is read is far shorter.
        Platform.FACEBOOK: PlatformRules("Facebook post", 63206, 360, True, "conversational, at most 2 hashtags"),
        # developers.facebook.com, WhatsApp Business templates: the body holds 1,024 characters.
        Platform.WHATSAPP: PlatformRules("WhatsApp message", 1024, 280, False, "short and personal"),
        Platform.EMAIL: PlatformRules("marketing e-mail", 20000, 700, False, "subject in the first line"),
        # 3GPP TS 23.038: 160 characters of the GSM 7-bit alphabet, 70 otherwise.
        Platform.SMS: PlatformRules("SMS", 160, 120, False, "one sentence, no emoji, no accents"),
        # support.google.com/google-ads/answer/1704389: headlines of 30 and descriptions of 90 characters.
        Platform.GOOGLE_ADS: PlatformRules("Google Ads text", 90, 120, False, "one description"),
        # linkedin.com: a post holds 3,000 characters.
        Platform.LINKEDIN: PlatformRules("LinkedIn post", 3000, 480, True, "professional, at most 3 hashtags"),
        # support.tiktok.com: a caption holds 2,200 characters.
        Platform.TIKTOK: PlatformRules("TikTok caption", 2200, 240, True, "energetic, 3 to 5 hashtags"),
        # docs.x.com: 280 characters.
        Platform.X: PlatformRules("post on X", 280, 160, True, "one thought, at most 2 hashtags"),
        Platform.BLOG: PlatformRules("blog article", 60000, 1600, False, "title in the first line"),
    }
)
