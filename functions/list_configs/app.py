"""GET /api/marketing/ai/configs: the company's providers, their keys but for the last four characters left out."""

from nexus_ai.administration import provider_configs
from nexus_ai.administration.provider_configs import ProviderConfigList
from nexus_ai.core.caller import Caller
from nexus_ai.http.endpoint import endpoint


@endpoint("GET /api/marketing/ai/configs")
def handler(caller: Caller) -> ProviderConfigList:
    return provider_configs.every(caller)
