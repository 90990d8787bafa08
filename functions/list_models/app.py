"""GET /api/marketing/ai/configs/{provider}/models: what the company's key can use, with context and prices."""

from nexus_ai.administration import models_list
from nexus_ai.administration.models_list import ModelList
from nexus_ai.administration.provider_configs import ProviderPath
from nexus_ai.core.caller import Caller, Role
from nexus_ai.http.endpoint import endpoint


@endpoint("GET /api/marketing/ai/configs/{provider}/models", path=ProviderPath, role=Role.ADMIN)
def handler(caller: Caller, path: ProviderPath) -> ModelList:
    return models_list.every(caller, path.provider)
