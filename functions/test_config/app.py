"""POST /api/marketing/ai/configs/test: whether a key and a model work, by a real call."""

from nexus_ai.administration import tested_configs
from nexus_ai.administration.tested_configs import ConnectionTestRequest, ConnectionTestView
from nexus_ai.core.caller import Caller, Role
from nexus_ai.http.endpoint import endpoint


@endpoint("POST /api/marketing/ai/configs/test", body=ConnectionTestRequest, role=Role.ADMIN)
def handler(caller: Caller, body: ConnectionTestRequest) -> ConnectionTestView:
    return tested_configs.test(caller, body)
