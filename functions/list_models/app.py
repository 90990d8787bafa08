"""GET /api/marketing/ai/configs/{provider}/models: list the models of the tenant's key, with context and prices."""

from nexus_ai.http.endpoint import endpoint
from nexus_ai.platform.caller import Caller, Role
from nexus_ai.settings.provider_configs import models_api
from nexus_ai.settings.provider_configs.api import ProviderPath
from nexus_ai.settings.provider_configs.models_api import ModelList


@endpoint("GET /api/marketing/ai/configs/{provider}/models", path=ProviderPath, role=Role.ADMIN)
def handler(caller: Caller, path: ProviderPath) -> ModelList:
    return models_api.list_models(caller, path.provider)
