"""Build the HTML of e-mails. Mail clients need tables and inline styles. Every text is escaped here."""

from collections.abc import Iterable, Sequence
from html import escape

FONT = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"
# Percentages from which the bar has the warning and the alarm colour, as on the dashboard.
WARNS_AT, ALARMS_AT = 80, 100
CALM, WARNS, ALARMS = "#2563eb", "#d97706", "#dc2626"

_PAGE = """\
<!DOCTYPE html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>{title}</title>
<style>
@media (prefers-color-scheme: dark) {{
  .page {{ background: #0f172a !important; }}
  .card {{ background: #1e293b !important; border-color: #334155 !important; }}
  .strong {{ color: #f1f5f9 !important; }}
  .soft {{ color: #cbd5e1 !important; }}
  .line {{ border-color: #334155 !important; }}
  .track {{ background: #334155 !important; }}
}}
</style>
</head>
<body class="page" style="margin:0;padding:0;background:#f1f5f9">
<table role="presentation" class="page" width="100%" cellpadding="0" cellspacing="0" style="background:#f1f5f9">
<tr><td align="center" style="padding:24px 12px">
<table role="presentation" class="card" width="100%" cellpadding="0" cellspacing="0" \
style="max-width:560px;background:#ffffff;border:1px solid #e2e8f0;border-radius:12px">
<tr><td align="left" style="padding:28px 24px">
<p class="soft" style="margin:0 0 16px;{font};font-size:13px;font-weight:600;color:#475569">Nexus AI</p>
{body}
<p class="soft line" style="margin:28px 0 0;padding-top:16px;border-top:1px solid #e2e8f0;{font};font-size:12px;\
line-height:18px;color:#475569">{footer}</p>
</td></tr></table>
</td></tr></table>
</body>
</html>
"""


def page(body: str, *, title: str, language: str, footer: str) -> str:
    """Return the complete page. `body` is HTML; the other arguments are text."""
    return _PAGE.format(body=body, title=escape(title), language=language, footer=escape(footer), font=FONT)


def heading(text: str) -> str:
    """Return the main heading."""
    style = f"margin:0 0 16px;{FONT};font-size:22px;line-height:28px;color:#0f172a;overflow-wrap:anywhere"
    return f'<h1 class="strong" style="{style}">{escape(text)}</h1>\n'


def subheading(text: str) -> str:
    """Return the heading of a section."""
    style = f"margin:24px 0 4px;{FONT};font-size:15px;line-height:22px;color:#0f172a"
    return f'<h2 class="strong" style="{style}">{escape(text)}</h2>\n'


def paragraph(text: str) -> str:
    """Return a paragraph of text."""
    style = f"margin:0 0 8px;{FONT};font-size:15px;line-height:22px;color:#334155;overflow-wrap:anywhere"
    return f'<p class="soft" style="{style}">{escape(text)}</p>\n'


def bar(percent: int) -> str:
    """Return a bar for a percentage, with the number as a label for screen readers."""
    full = max(0, min(100, percent))
    colour = ALARMS if percent >= ALARMS_AT else WARNS if percent >= WARNS_AT else CALM
    cell = "height:12px;font-size:0;line-height:0"
    used = f'<td width="{full}%" bgcolor="{colour}" style="{cell};border-radius:6px">&nbsp;</td>' if full else ""
    left = f'<td style="{cell}">&nbsp;</td>' if full < 100 else ""
    return (
        f'<table role="img" aria-label="{percent}%" class="track" width="100%" cellpadding="0" cellspacing="0" '
        f'style="background:#e2e8f0;border-radius:6px;margin:0 0 16px"><tr>{used}{left}</tr></table>\n'
    )


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table. The first column has names, the others have numbers."""
    style = f"{FONT};font-size:13px;line-height:18px;padding:6px 0 6px 8px;border-bottom:1px solid #e2e8f0"
    lines = [_row("th", heads, f"{style};color:#475569;font-weight:600", "soft line")]
    lines += [_row("td", row, f"{style};color:#0f172a", "strong line") for row in rows]
    return f'<table width="100%" cellpadding="0" cellspacing="0" style="margin:0 0 12px">{"".join(lines)}</table>\n'


def button(text: str, link: str) -> str:
    """Return a link that looks like a button."""
    style = (
        f"display:inline-block;margin:16px 0 0;padding:10px 18px;background:{CALM};border-radius:8px;color:#ffffff;"
        f"{FONT};font-size:15px;font-weight:600;text-decoration:none"
    )
    return f'<a href="{escape(link)}" style="{style}">{escape(text)}</a>\n'


def _row(cell: str, texts: Sequence[str], style: str, classes: str) -> str:
    name, *numbers = texts
    first = f"{style};padding-left:0;overflow-wrap:anywhere;word-break:break-word"
    cells = [f'<{cell} align="left" class="{classes}" style="{first}">{escape(name)}</{cell}>']
    cells += [
        f'<{cell} align="right" class="{classes}" style="{style}">{escape(number)}</{cell}>' for number in numbers
    ]
    return f"<tr>{''.join(cells)}</tr>"
