"""The request limit, and the e-mail that is sent when it is used up."""

import time
from datetime import datetime

from ops.smoke.api import RATE_LIMITS, Reply
from ops.smoke.changes import Undo
from ops.smoke.ledger import Call
from ops.smoke.outcomes import CheckFailed, CheckSkipped
from ops.smoke.report import progress
from ops.smoke.responses import Alert, RateLimits, Refusal, Usage, Window
from ops.smoke.run import Run
from ops.smoke.tasks import copy

# The schedule runs every five minutes, and takes a moment to start.
MAIL_S = 360
POLL_S = 5
# What the two requests that use the limit up take of the hour.
REQUESTS_S = 60
HOUR_S = 3600
# For so long no two runs use the same threshold: there is one alert for a threshold and an hour.
THRESHOLD_S = 72
REQUESTS = "requestsPerHour"
NOTHING = Usage.model_validate({"inputTokens": 0, "outputTokens": 0, "totalTokens": 0, "costUsd": 0})


class LimitChecks:
    def __init__(self, run: Run) -> None:
        self._run = run

    def set_alerts(self, address: str) -> None:
        """Let a used up limit send a mail to an address."""
        threshold = 100 - int(HOUR_S - self._seconds_to_next_hour()) % HOUR_S // THRESHOLD_S
        body = {"alertThresholds": [threshold], "alertEmails": [address]}
        undo = Undo("PUT", RATE_LIMITS, {name: self._run.before.rate_limits[name] for name in body})
        self._run.changes.put(RATE_LIMITS, body, undo).expect(200)

    def request_limit(self) -> str:
        """Use up a lowered limit. It stays lowered while a mail is waited for, since alerts are checked again then."""
        mail_to = self._run.options.mail_to
        try:
            if mail_to:
                self._wait_for_time_in_hour()
            detail = self._use_up_limit()
        except CheckFailed:
            self._run.changes.restore_one(self._undo)
            raise
        if not mail_to:
            self._run.changes.restore_one(self._undo)
        return detail

    def mail(self) -> str:
        if not self._run.options.mail_to:
            raise CheckSkipped("SMOKE_MAIL_TO names no address")
        try:
            return self._dispatched_alert()
        finally:
            self._run.changes.restore_one(self._undo)

    @property
    def _undo(self) -> Undo:
        return Undo("PUT", RATE_LIMITS, {REQUESTS: self._run.before.rate_limits[REQUESTS]})

    def _use_up_limit(self) -> str:
        reply = self._request_above_limit()
        self._run.calls.append(Call("request above the limit", reply.request_id, "rejected", NOTHING))
        refusal = reply.expect(429).read(Refusal)
        if (refusal.code, refusal.limit) != ("limit_exceeded", REQUESTS):
            raise CheckFailed(f"429 is for {refusal.limit} ({refusal.code}), and not for {REQUESTS}")
        retry_after = reply.headers.get("Retry-After", "")
        if not retry_after.isdecimal() or not 0 < int(retry_after) <= HOUR_S:
            raise CheckFailed(f"Retry-After is {retry_after or 'missing'}, and not the seconds to the next hour")
        return f"{REQUESTS} lowered: the last request was answered, the next got 429, Retry-After {retry_after}"

    def _request_above_limit(self) -> Reply:
        """Return the refusal of a request for which the hour has no room. A new hour may begin meanwhile, once."""
        for _ in range(2):
            lowered = self._lower_limit()
            self._run.call("last request", copy(f"{self._run.name}, the last of {lowered.resets_at}"))
            reply = self._run.send(copy(f"{self._run.name}, one more in {lowered.resets_at}"))
            if reply.status != 200:
                return reply
            self._run.note("request above the limit", reply)
            if lowered.left == 1 and self._run.limits().window(REQUESTS).resets_at == lowered.resets_at:
                break
        raise CheckFailed("a request above the limit was answered (200), and not refused (429)")

    def _lower_limit(self) -> Window:
        """Leave room for one request."""
        room = int(self._run.limits().window(REQUESTS).used) + 1
        reply = self._run.changes.put(RATE_LIMITS, {REQUESTS: room}, self._undo)
        return reply.expect(200).read(RateLimits).window(REQUESTS)

    def _wait_for_time_in_hour(self) -> None:
        """The API shows an alert as long as its hour runs: wait for the next one if this one is too short."""
        left_s = self._seconds_to_next_hour()
        if left_s < MAIL_S + REQUESTS_S:
            progress(f"  waiting {left_s:.0f} seconds for the next hour, so that the alert can be seen")
            self._run.interruption.wait(left_s + 1)

    def _seconds_to_next_hour(self) -> float:
        reply = self._run.api.get(RATE_LIMITS).expect(200)
        ends_at = datetime.fromisoformat(reply.read(RateLimits).window(REQUESTS).resets_at)
        return ends_at.timestamp() - reply.at_s

    def _dispatched_alert(self) -> str:
        progress(f"  waiting up to {MAIL_S // 60} minutes for the schedule to send the alert")
        until = time.monotonic() + MAIL_S
        while True:
            alerts = self._run.limits().alerts
            alert = next((each for each in alerts if each.limit == REQUESTS), None)
            if alert and alert.at:
                return self._closed(alert, datetime.fromisoformat(alert.at))
            if time.monotonic() >= until:
                break
            self._run.interruption.wait(POLL_S)
        if alert:
            raise CheckFailed(f"the alert was not sent within {MAIL_S} seconds (docs/runbook.md, MailsNotSentAlarm)")
        raise CheckFailed("no alert was noted, though the limit is used up")

    def _closed(self, alert: Alert, at: datetime) -> str:
        if at < self._run.before.began_at:
            raise CheckFailed("the alert of this minute was sent for another run: run again in two minutes")
        match alert.status:
            case "sent":
                return f"the alert at {alert.threshold}% was handed to SES: see whether it arrives at SMOKE_MAIL_TO"
            case "mails_off":
                raise CheckSkipped("the deployment sends no mails: its SenderAddress is empty")
            case "no_recipient":
                raise CheckFailed("SMOKE_MAIL_TO gets no mails any more: it bounced, or its owner complained")
            case other:
                raise CheckFailed(f"the alert was put aside: {other}")
