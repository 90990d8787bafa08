"""Check the request limit and the e-mail that is sent when it is used up."""

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

# The schedule runs every five minutes and needs some seconds to start.
MAIL_S = 360
POLL_S = 5
# Time for the two requests that use up the limit.
REQUESTS_S = 60
HOUR_S = 3600
# Runs within this time use different thresholds, because there is only one alert per threshold and hour.
THRESHOLD_S = 72
REQUESTS = "requestsPerHour"
NOTHING = Usage.model_validate({"inputTokens": 0, "outputTokens": 0, "totalTokens": 0, "costUsd": 0})


class LimitChecks:
    def __init__(self, run: Run) -> None:
        self._run = run

    def set_alerts(self, address: str) -> None:
        """Set the alerts so that a used up limit sends an e-mail to the address."""
        threshold = 100 - int(HOUR_S - self._seconds_to_next_hour()) % HOUR_S // THRESHOLD_S
        body = {"alertThresholds": [threshold], "alertEmails": [address]}
        undo = Undo("PUT", RATE_LIMITS, {name: self._run.before.rate_limits[name] for name in body})
        self._run.changes.put(RATE_LIMITS, body, undo).expect(200)

    def request_limit(self) -> str:
        """Lower the limit and use it up. With an e-mail check it stays low, because the dispatch checks it again."""
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
            raise CheckFailed(f"429 is for {refusal.limit} ({refusal.code}) instead of {REQUESTS}")
        retry_after = reply.headers.get("Retry-After", "")
        if not retry_after.isdecimal() or not 0 < int(retry_after) <= HOUR_S:
            raise CheckFailed(f"Retry-After is {retry_after or 'missing'} instead of the seconds to the next hour")
        return f"{REQUESTS} lowered: the last request returned 200, the next one 429, Retry-After {retry_after}"

    def _request_above_limit(self) -> Reply:
        """Return the response to a request above the limit. If a new hour starts in between, try a second time."""
        for _ in range(2):
            lowered = self._lower_limit()
            self._run.call("last request", copy(f"{self._run.name}, the last of {lowered.resets_at}"))
            reply = self._run.send(copy(f"{self._run.name}, one more in {lowered.resets_at}"))
            if reply.status != 200:
                return reply
            self._run.note("request above the limit", reply)
            if lowered.left == 1 and self._run.limits().window(REQUESTS).resets_at == lowered.resets_at:
                break
        raise CheckFailed("a request above the limit returned 200 instead of 429")

    def _lower_limit(self) -> Window:
        """Lower the limit so that one more request is allowed."""
        room = int(self._run.limits().window(REQUESTS).used) + 1
        reply = self._run.changes.put(RATE_LIMITS, {REQUESTS: room}, self._undo)
        return reply.expect(200).read(RateLimits).window(REQUESTS)

    def _wait_for_time_in_hour(self) -> None:
        """Wait for the next hour if this one ends too soon, because the API shows an alert only during its hour."""
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
        raise CheckFailed("no alert was recorded, although the limit is used up")

    def _closed(self, alert: Alert, at: datetime) -> str:
        if at < self._run.before.began_at:
            raise CheckFailed("the alert of this minute was sent for another run: run again in two minutes")
        match alert.status:
            case "sent":
                return f"SES accepted the alert at {alert.threshold}%: check that it arrives at SMOKE_MAIL_TO"
            case "mails_off":
                raise CheckSkipped("the deployment sends no e-mails: its SenderAddress is empty")
            case "no_recipient":
                raise CheckFailed("SMOKE_MAIL_TO is blocked, because an e-mail to it bounced or led to a complaint")
            case other:
                raise CheckFailed(f"the alert was not sent: {other}")
