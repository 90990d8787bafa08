"""GET /api/health: whether the service answers, and which version of it."""

from typing import Literal

from nexus_ai import __version__
from nexus_ai.core.settings import get_settings
from nexus_ai.core.wire import ResponseModel
from nexus_ai.http.endpoint import public_endpoint


class Health(ResponseModel):
    status: Literal["ok"] = "ok"
    version: str
    stage: str


@public_endpoint("GET /api/health")
def handler() -> Health:
    return Health(version=__version__, stage=get_settings().stage)
