"""POST /api/marketing/ai/configs/test: test an API key and a model with a real call."""

from nexus_ai.http.endpoint import endpoint
from nexus_ai.platform.caller import Caller, Role
from nexus_ai.settings.provider_configs import save_api
from nexus_ai.settings.provider_configs.save_api import ConnectionTestRequest, ConnectionTestView


@endpoint("POST /api/marketing/ai/configs/test", body=ConnectionTestRequest, role=Role.ADMIN)
def handler(caller: Caller, body: ConnectionTestRequest) -> ConnectionTestView:
    return save_api.test_config(caller, body)
