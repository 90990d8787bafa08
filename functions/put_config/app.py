"""PUT /api/marketing/ai/configs/{provider}: save a provider's API key and model."""

from nexus_ai.http.endpoint import endpoint
from nexus_ai.platform.caller import Caller, Role
from nexus_ai.settings.provider_configs import save_api
from nexus_ai.settings.provider_configs.api import ProviderConfigView, ProviderPath
from nexus_ai.settings.provider_configs.save_api import ProviderConfigRequest


@endpoint("PUT /api/marketing/ai/configs/{provider}", path=ProviderPath, body=ProviderConfigRequest, role=Role.ADMIN)
def handler(caller: Caller, path: ProviderPath, body: ProviderConfigRequest) -> ProviderConfigView:
    return save_api.put_config(caller, path.provider, body)
