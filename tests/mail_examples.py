"""Define alerts of every kind, for tests of the texts and the looks of mails."""

from nexus_ai.alerts.models import AlertedLimit, LimitAlert, ProviderAlert, ProviderEvent, Spending, Spent

# 18 November 2026, 10:00 in São Paulo.
NOW_S = 1_795_006_800

REQUESTS = LimitAlert(
    tenant_id="sorriso",
    limit=AlertedLimit.REQUESTS_PER_HOUR,
    threshold=80,
    window_end=NOW_S + 3_600,
    used=1_700,
    max=2_000,
)
TOKENS = REQUESTS.model_copy(
    update={"limit": AlertedLimit.TOKENS_PER_DAY, "window_end": 1_795_057_200, "used": 50_010, "max": 50_000}
)
DOLLARS = REQUESTS.model_copy(
    update={
        "limit": AlertedLimit.COST_PER_MONTH,
        "window_end": 1_796_094_000,
        "used": 80_412_300,
        "max": 100_000_000,
    }
)
KEY = ProviderAlert(
    tenant_id="sorriso",
    event=ProviderEvent.KEY_FAILED,
    provider="openai",
    model=None,
    key_last_four="4b76",
    reason="invalid_key",
    at=NOW_S,
)
CIRCUIT = KEY.model_copy(
    update={
        "event": ProviderEvent.CIRCUIT_OPENED,
        "provider": "google",
        "model": "gemini-3.5-flash-lite",
        "key_last_four": None,
        "reason": "overloaded",
    }
)
SPENDING = Spending(
    models=(
        Spent(name="openai/gpt-6.1-sol", tokens=1_204_332, cost_micros=9_412_000),
        Spent(name="anthropic/claude-sonnet-5-5", tokens=301_222, cost_micros=4_120_400),
        Spent(name="openrouter/meta-llama/llama-4-maverick-17b-128e-instruct", tokens=3_011, cost_micros=0),
    ),
    modules=(
        Spent(name="marketing", tokens=1_404_332, cost_micros=12_000_000),
        Spent(name="agenda", tokens=104_233, cost_micros=1_532_400),
    ),
)
