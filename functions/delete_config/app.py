"""DELETE /api/marketing/ai/configs/{provider}: delete a provider's API key and model."""

from nexus_ai.http.endpoint import endpoint
from nexus_ai.platform.caller import Caller, Role
from nexus_ai.settings.provider_configs import api
from nexus_ai.settings.provider_configs.api import ProviderPath, ProviderRemoved


@endpoint("DELETE /api/marketing/ai/configs/{provider}", path=ProviderPath, role=Role.ADMIN)
def handler(caller: Caller, path: ProviderPath) -> ProviderRemoved:
    return api.delete_config(caller, path.provider)
