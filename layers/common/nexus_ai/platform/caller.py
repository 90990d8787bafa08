"""Identify the caller of a request.

Everything here comes from the verified token and from API Gateway, except the options that the client sends in headers.
"""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from nexus_ai.platform.clock import Deadline
from nexus_ai.platform.errors import Forbidden


class Role(StrEnum):
    """Role of a user within a tenant."""

    USER = "user"
    ADMIN = "admin"


# A tenant id starts every partition key, so it holds no separator of keys.
TENANT_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"
# A user id never starts a key, so it may hold separators. Token issuers use ids like auth0|abc or e-mail addresses.
USER_PATTERN = r"^[\x21-\x7e]{1,256}$"


class Caller(BaseModel):
    """Caller of a request: the first parameter of every service.

    Attributes:
        tenant_id: The tenant, from the verified token.
        user_id: The user, from the verified token.
        roles: The user's roles in the tenant.
        request_id: A UUIDv7 that Nexus AI makes. Its time is `started_at_ms`.
        endpoint: The route that was called.
        started_at_ms: API Gateway's timestamp of the request.
        deadline: The moment by which the response must be sent.
        ip: The client's IP address.
        user_agent: The client's User-Agent header.
        idempotency_key: The client's Idempotency-Key header.
        refresh_cache: True for `Cache-Control: no-cache`: the response cache is not read.
        store_nothing: True for `Cache-Control: no-store`: the response is not cached.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    tenant_id: str
    user_id: str
    roles: frozenset[Role]
    request_id: str
    endpoint: str
    started_at_ms: int
    deadline: Deadline
    ip: str | None = None
    user_agent: str | None = None
    idempotency_key: str | None = None
    refresh_cache: bool = False
    store_nothing: bool = False

    def require(self, role: Role) -> None:
        """Require a role.

        Raises:
            Forbidden: The caller does not have the role.
        """
        if role not in self.roles:
            raise Forbidden(f"This operation requires the role {role.value!r}.")
