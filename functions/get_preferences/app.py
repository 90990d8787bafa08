"""GET /api/marketing/ai/preferences: what the company prefers, allows and knows of prices."""

from nexus_ai.administration import preferences
from nexus_ai.administration.preferences import PreferencesView
from nexus_ai.core.caller import Caller
from nexus_ai.http.endpoint import endpoint


@endpoint("GET /api/marketing/ai/preferences")
def handler(caller: Caller) -> PreferencesView:
    return preferences.read(caller)
