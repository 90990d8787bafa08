"""Hold the state that the checks of a run share: the API, the tenant, the changes and the calls."""

from dataclasses import dataclass, field
from secrets import token_hex

from ops.smoke.api import RATE_LIMITS, Api, Reply
from ops.smoke.changes import Changes
from ops.smoke.interruption import Interruption
from ops.smoke.ledger import Call
from ops.smoke.options import Options
from ops.smoke.outcomes import CheckFailed
from ops.smoke.responses import RateLimits, Record
from ops.smoke.tasks import Task
from ops.smoke.tenant import MODULE, Tenant, read_records


@dataclass(slots=True)
class Run:
    """State of a run. `tenant` is the tenant before the run; None until the run is allowed to use it."""

    api: Api
    options: Options
    interruption: Interruption
    changes: Changes
    tenant: Tenant | None = None
    calls: list[Call] = field(default_factory=list[Call])
    # Makes the texts of this run unique, so that no other run has cached them.
    name: str = field(default_factory=lambda: token_hex(4))

    @property
    def before(self) -> Tenant:
        if self.tenant is None:
            raise CheckFailed("the tenant could not be read")
        return self.tenant

    def call(self, check: str, task: Task) -> Reply:
        """Send a task's request and note its call.

        Raises:
            CheckFailed: The request failed, or the response has an unexpected form.
        """
        reply = self.send(task)
        # Note the call before the checks, because a failed call also has an audit record.
        self.note(check, reply)
        response = reply.expect(200).read(task.response)
        status = "cached" if response.cached else "answered"
        self.calls[-1] = Call(check, response.request_id, status, response.usage)
        return reply

    def send(self, task: Task) -> Reply:
        body = {"module": MODULE, "provider": self.options.provider, **task.body}
        return self.api.send("POST", task.path, body)

    def note(self, check: str, reply: Reply) -> None:
        """Note a call whose response does not contain its usage."""
        self.calls.append(Call(check, reply.request_id))

    def limits(self) -> RateLimits:
        return self.api.get(RATE_LIMITS).expect(200).read(RateLimits)

    def records(self) -> list[Record]:
        """Return the audit records since the start of the run."""
        found = read_records(self.api, self.before.began_at)
        return [record for record in found if record.id not in self.before.recorded]
