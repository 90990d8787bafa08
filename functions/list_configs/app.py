"""GET /api/marketing/ai/configs: list the tenant's provider configs, with the last four characters of each key."""

from nexus_ai.http.endpoint import endpoint
from nexus_ai.platform.caller import Caller
from nexus_ai.settings.provider_configs import api
from nexus_ai.settings.provider_configs.api import ProviderConfigList


@endpoint("GET /api/marketing/ai/configs")
def handler(caller: Caller) -> ProviderConfigList:
    return api.list_configs(caller)
