"""Who calls. Everything here comes from the verified token and from API Gateway, never from what the client wrote."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from nexus_ai.platform.clock import Deadline
from nexus_ai.platform.errors import Forbidden


class Role(StrEnum):
    USER = "user"
    ADMIN = "admin"


# A tenant is the head of every key, so that its characters are few and hold no separator.
TENANT_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"
# Users are values, never the head of a key: issuers write them as auth0|abc or as an e-mail address.
USER_PATTERN = r"^[\x21-\x7e]{1,256}$"


class Caller(BaseModel):
    """The first parameter of every service and store call.

    `request_id` is ours (UUIDv7: its time is API Gateway's time stamp of the request); `started_at_ms` is that time,
    `deadline` the moment by which the answer must be on its way.
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
        """Raises Forbidden unless the caller has the role."""
        if role not in self.roles:
            raise Forbidden(f"This needs the role {role.value!r}.")
