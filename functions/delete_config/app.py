"""DELETE /api/marketing/ai/configs/{provider}: removes a provider's key and model."""

from nexus_ai.administration import provider_configs
from nexus_ai.administration.provider_configs import ProviderPath, ProviderRemoved
from nexus_ai.core.caller import Caller, Role
from nexus_ai.http.endpoint import endpoint


@endpoint("DELETE /api/marketing/ai/configs/{provider}", path=ProviderPath, role=Role.ADMIN)
def handler(caller: Caller, path: ProviderPath) -> ProviderRemoved:
    return provider_configs.remove(caller, path.provider)
