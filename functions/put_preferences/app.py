"""PUT /api/marketing/ai/preferences: new preferences for the company."""

from nexus_ai.administration import preferences
from nexus_ai.administration.preferences import PreferencesRequest, PreferencesView
from nexus_ai.core.caller import Caller, Role
from nexus_ai.http.endpoint import endpoint


@endpoint("PUT /api/marketing/ai/preferences", body=PreferencesRequest, role=Role.ADMIN)
def handler(caller: Caller, body: PreferencesRequest) -> PreferencesView:
    return preferences.change(caller, body)
