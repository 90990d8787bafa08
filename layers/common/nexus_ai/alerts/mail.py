"""Render the e-mail of an alert as a raw message with a text part and an HTML part."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from hashlib import sha256
from zoneinfo import ZoneInfo

from nexus_ai.alerts import html
from nexus_ai.alerts.models import Alert, AlertedLimit, LimitAlert, ProviderAlert, ProviderEvent, Spending, Spent
from nexus_ai.alerts.templates import PROVIDERS, TEXTS, Texts
from nexus_ai.platform.clock import zone_of
from nexus_ai.platform.units import MICROS_PER_DOLLAR

CENT = Decimal("0.01")
BAR_CHARACTERS = 20
# Tenants choose the names of models and modules. Longer names are cut, and none can break a line or a header.
NAME_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class _Content:
    """Content of an e-mail, independent of text or HTML. `percent` is the length of the bar; None for no bar."""

    subject: str
    heading: str
    percent: int | None
    paragraphs: tuple[str, ...]
    spending_title: str
    spending: Spending


def render(
    alert: Alert,
    spending: Spending,
    *,
    language: str,
    time_zone: str,
    sender: str,
    recipients: Sequence[str],
    link: str | None,
    now_s: int,
) -> bytes:
    """Return the e-mail of an alert as bytes.

    The Message-ID of an alert is always the same, for mail servers that keep it. SES replaces it.

    Args:
        alert: The alert.
        spending: The highest costs in the alert's window; empty to leave them out.
        language: A key of TEXTS.
        time_zone: IANA name of the time zone for all moments.
        sender: The From header.
        recipients: The addresses of the To header.
        link: URL of the dashboard, or None.
        now_s: Current time in seconds since 1970 UTC.
    """
    texts = TEXTS[language]
    zone = zone_of(time_zone)
    if isinstance(alert, LimitAlert):
        content = _limit_content(alert, spending, texts, zone, now_s)
    else:
        content = _provider_content(alert, texts, zone)
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = ", ".join(recipients)
    message["Subject"] = content.subject
    message["Date"] = format_datetime(datetime.fromtimestamp(now_s, UTC))
    message["Message-ID"] = f"<{_identity(alert)}@{sender.rpartition('@')[2].rstrip('>')}>"
    # RFC 3834: prevents automatic replies.
    message["Auto-Submitted"] = "auto-generated"
    message["Content-Language"] = language
    message.set_content(_text(content, texts, link))
    message.add_alternative(_html(content, texts, link, language), subtype="html")
    return message.as_bytes()


def _identity(alert: Alert) -> str:
    """Return an id that is the same whenever this alert is sent and does not reveal the tenant."""
    event = f"#{alert.at}" if isinstance(alert, ProviderAlert) else ""
    return sha256(f"{alert.tenant_id}\n{alert.name}{event}".encode()).hexdigest()[:40]


def _limit_content(alert: LimitAlert, spending: Spending, texts: Texts, zone: ZoneInfo, now_s: int) -> _Content:
    percent = 100 * alert.used // alert.max
    used_up = alert.used >= alert.max
    named = {"percent": percent, "limit": texts.limits[alert.limit]}
    has_ended = alert.window_end <= now_s
    resets = (texts.has_reset if has_ended else texts.resets).format(
        moment=_moment(alert.window_end, zone, texts), zone=zone
    )
    paragraphs = [
        texts.usage.format(
            used=_amount(alert.limit, alert.used, texts, ROUND_DOWN),
            max=texts.units[alert.limit].format(amount=_amount(alert.limit, alert.max, texts)),
        ),
        resets,
    ]
    if not has_ended:
        paragraphs.append(texts.used_up_advice if used_up else texts.reached_advice)
    return _Content(
        subject=(texts.used_up_subject if used_up else texts.reached_subject).format(**named),
        heading=(texts.used_up_heading if used_up else texts.reached_heading).format(**named),
        percent=percent,
        paragraphs=tuple(paragraphs),
        spending_title=texts.spending_titles[alert.limit],
        spending=spending,
    )


def _provider_content(alert: ProviderAlert, texts: Texts, zone: ZoneInfo) -> _Content:
    named = {
        "provider": PROVIDERS.get(alert.provider, _name(alert.provider)),
        "model": _name(alert.model or ""),
        "last_four": _name(alert.key_last_four or ""),
    }
    is_key = alert.event is ProviderEvent.KEY_FAILED
    since = texts.since.format(
        moment=_moment(alert.at, zone, texts), zone=zone, reason=texts.reasons.get(alert.reason, alert.reason)
    )
    advice = texts.key_advice if is_key else texts.circuit_advice
    return _Content(
        subject=(texts.key_subject if is_key else texts.circuit_subject).format(**named),
        heading=(texts.key_heading if is_key else texts.circuit_heading).format(**named),
        percent=None,
        paragraphs=(since, texts.fallback, advice),
        spending_title="",
        spending=Spending(),
    )


def _text(content: _Content, texts: Texts, link: str | None) -> str:
    blocks = [content.heading]
    if content.percent is not None:
        full = min(BAR_CHARACTERS, BAR_CHARACTERS * content.percent // 100)
        blocks.append(f"[{'#' * full}{'-' * (BAR_CHARACTERS - full)}] {content.percent}%")
    blocks += content.paragraphs
    for title, spent in ((texts.model, content.spending.models), (texts.module, content.spending.modules)):
        if spent:
            heads = ", ".join((title, texts.tokens, texts.cost))
            lines = [f"- {', '.join((_name(one.name), *_numbers(one, texts)))}" for one in spent]
            blocks.append("\n".join([f"{content.spending_title} ({heads}):", *lines]))
    if link:
        blocks.append(f"{texts.link}: {link}")
    blocks.append(f"-- \n{texts.footer}")
    return "\n\n".join(blocks) + "\n"


def _html(content: _Content, texts: Texts, link: str | None, language: str) -> str:
    parts = [html.heading(content.heading)]
    if content.percent is not None:
        parts.append(html.bar(content.percent))
    parts += [html.paragraph(paragraph) for paragraph in content.paragraphs]
    if content.spending.models or content.spending.modules:
        parts.append(html.subheading(content.spending_title))
    for title, spent in ((texts.model, content.spending.models), (texts.module, content.spending.modules)):
        if spent:
            heads = (title, texts.tokens, texts.cost)
            parts.append(html.table(heads, [(_name(one.name), *_numbers(one, texts)) for one in spent]))
    if link:
        parts.append(html.button(texts.link, link))
    return html.page("".join(parts), title=content.subject, language=language, footer=texts.footer)


def _numbers(spent: Spent, texts: Texts) -> tuple[str, str]:
    return _grouped(spent.tokens, texts), _dollars(spent.cost_micros, texts)


def _amount(limit: AlertedLimit, amount: int, texts: Texts, rounding: str = ROUND_HALF_EVEN) -> str:
    return _dollars(amount, texts, rounding) if limit is AlertedLimit.COST_PER_MONTH else _grouped(amount, texts)


def _grouped(number: int, texts: Texts) -> str:
    return f"{number:,}".replace(",", texts.thousands)


def _dollars(micros: int, texts: Texts, rounding: str = ROUND_HALF_EVEN) -> str:
    """Return dollars with cents. Amounts below ten cents have up to six decimals, so that a cost never reads 0.00."""
    dollars = Decimal(micros) / MICROS_PER_DOLLAR
    exact = 0 < micros < MICROS_PER_DOLLAR // 10
    written = f"{dollars:,.6f}".rstrip("0") if exact else f"{dollars.quantize(CENT, rounding):,}"
    swapped = written.translate(str.maketrans(",.", texts.thousands + texts.decimal))
    return texts.dollars.format(amount=swapped)


def _moment(at_s: int, zone: ZoneInfo, texts: Texts) -> str:
    return datetime.fromtimestamp(at_s, zone).strftime(texts.moment)


def _name(name: str) -> str:
    """Return a name on one line, without unprintable characters, and cut to NAME_CHARACTERS."""
    printable = "".join(character if character.isprintable() else " " for character in name)
    short = " ".join(printable.split())
    return short if len(short) <= NAME_CHARACTERS else f"{short[: NAME_CHARACTERS - 1]}…"
