"""GET /api/marketing/ai/preferences: get the tenant's preferences, allowed models and own prices."""

from nexus_ai.http.endpoint import endpoint
from nexus_ai.platform.caller import Caller
from nexus_ai.settings import preferences_api
from nexus_ai.settings.preferences_api import PreferencesView


@endpoint("GET /api/marketing/ai/preferences")
def handler(caller: Caller) -> PreferencesView:
    return preferences_api.get_preferences(caller)
