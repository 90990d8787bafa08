"""PUT /api/marketing/ai/preferences: change the tenant's preferences."""

from nexus_ai.http.endpoint import endpoint
from nexus_ai.platform.caller import Caller, Role
from nexus_ai.settings import preferences_api
from nexus_ai.settings.preferences_api import PreferencesRequest, PreferencesView


@endpoint("PUT /api/marketing/ai/preferences", body=PreferencesRequest, role=Role.ADMIN)
def handler(caller: Caller, body: PreferencesRequest) -> PreferencesView:
    return preferences_api.put_preferences(caller, body)
