"""Find the literals of a text, which a translation must keep unchanged: placeholders, tags, addresses, emoji.

The patterns do not match plain text that looks similar: 10:30, :), 5% de desconto and R$ 50.
"""

import re
from collections import Counter

# A pattern that can contain another one comes before it.
_PATTERNS = (
    # Code: a fenced block, and a `span`.
    r"(?ms:^[ \t]*```[^\n`]*\n.*?^[ \t]*```)",
    r"(?<!`)`[^`\n]+`(?!`)",
    # {{name}}, {{{name}}}, <%= name %>, *|NAME|*, [[name]]
    r"\{\{\{?[^{}\n]*\}?\}\}",
    r"<%[^%\n]*%>",
    r"\*\|[^|*\n]+\|\*",
    r"\[\[[^\[\]\n]+\]\]",
    # <tag name="value"> and <!-- -->. Attributes without a value are limited to those of HTML.
    r"<!--(?s:(?:(?!-->|<!--).)*)-->",
    r"</?[A-Za-z][\w:.-]*"
    r"(?:\s+(?:[\w:@.-]+\s*=\s*(?:\"[^\"<>]*\"|'[^'<>]*'|[^\s\"'<>]+)|disabled|checked|required|hidden|selected|async|"
    r"defer|controls|loop|muted|autoplay|readonly|multiple))*\s*/?>",
    # URLs, e-mail addresses and domains, without the punctuation that follows them.
    r"(?:https?://|www\.)"
    r"(?:\{\{[^{}\n]*\}\}|\{[^\s{}]*\}|\([^\s()<>]*\)|[^\s<>\"'`()\[\]{}|\\^\u2010-\u2027\u3000-\u303f\uff00-\uffef])+"
    r"(?<![.,;:!?*_~«»])",
    r"(?<![\w.%+-])[A-Za-z0-9](?:[\w.%+-]{0,62}[A-Za-z0-9_])?@[A-Za-z0-9](?:[A-Za-z0-9-]*\.)+[A-Za-z]{2,}(?!\w)",
    r"(?<![\w.@-])(?:[A-Za-z0-9][A-Za-z0-9-]*\.)+[a-z]{2,6}/[\w./?=&%#+-]*(?<![.?])",
    r"(?<![\w.@-])(?:[A-Za-z0-9][A-Za-z0-9-]*\.)+(?:com|net|org|io|app)(?:\.[a-z]{2})?(?![\w-])",
    # {name}, {0}, ${name}, {user.name}, {value:.2f}, {nome do cliente}
    r"[$#]?\{[ \t]*[\w.$\[\]-]+(?:[ \t]*|[:!,][^{}\n]*)\}",
    r"\{[^\W\d]\w*(?: \w+){1,4}\}",
    # %s, %d, %1$s, %(name)s, %.2f, %NAME%, %%. In a percentage, a digit precedes the sign or a word follows it.
    r"%\d+\$[-+0#]*+\d*+(?:\.\d+)?[sdiufFeEgGxXoc@]",
    r"%\(\w+\)[-+0#]*+\d*+(?:\.\d+)?[sdiufFeEgGxXoc]",
    r"(?<![\d%])%[-+0#]*+\d*+(?:\.\d+)?(?:hh?|ll?|[Lzjtq])?[sdiufFeEgGxXoc@](?!\w)",
    r"(?<!\w)%[A-Za-z_]\w+%(?!\w)",
    r"%%",
    # :name, :smile:
    r"(?:^|(?<=[\s(\[\"'“‘«/,=-])):[A-Za-z_][A-Za-z0-9_]+:?(?!\w)",
    # @name, an escaped line break, and HTML entities other than letters
    r"(?<![\w@.])@[A-Za-z0-9_](?:[\w.]*\w)?",
    r"(?<![A-Za-z]:)\\[nrt]",
    r"&(?:nbsp|lt|gt|copy|reg|trade);",
    # Telephone numbers, but not dates, numbers with thousands separators or ranges of years.
    r"(?<!\w)\+55[ .-]?\(?\d{2}\)?[ .-]?9?[ .-]?\d{4}[ .-]?\d{4}(?!\d)",
    r"(?<!\w)\+1[ .-]?\(?\d{3}\)?[ .-]?\d{3}[ .-]?\d{4}(?!\d)",
    r"(?<!\w)\+\d{1,3}(?:[ .-]?(?:\(\d{1,5}\)|\d{1,5}(?![\d%:]))){2,5}",
    r"(?<!\w)\(\d{2,4}\)[ ]?\d{3,5}[ .-]?\d{3,4}(?!\d)",
    r"(?<![\w.,:-])\d{2}[ ]9?[ ]?\d{4}[ -]\d{4}(?![\d-])",
    r"(?<![\w.,:-])(?:9\d{4}-\d{4}|(?!(?:19|20)\d\d-(?:19|20)\d\d)\d{4}-\d{4}|\d{3}[-.]\d{3}[-.]\d{4})(?![\d-])",
    r"(?<![\w.,:-])0[3589]00[ -]?\d{3}[ -]?\d{3,4}(?![\d-])",
    r"(?<![\w.,:-])[6789]\d{2}[ ]\d{3}[ ]\d{3}(?![\d ])",
    r"(?<![\w.,:-])\d{10,13}(?![\w-])",
)

# Emoji by their Unicode blocks: flags, keycaps, and pictographs with skin tones and joiners.
_PICTURE = (
    "[\xa9\xae\u203c\u2049\u2122\u2139\u2194-\u2199\u21a9\u21aa\u231a\u231b\u2328\u23cf\u23e9-\u23f3\u23f8-\u23fa\u24c2\u25aa\u25ab\u25b6\u25c0\u25fb-\u25fe\u2600-\u27bf"
    "\u2934\u2935\u2b05-\u2b07\u2b1b\u2b1c\u2b50\u2b55\u3030\u303d\u3297\u3299\U0001f000-\U0001f1e5"
    "\U0001f200-\U0001faff]"
    "[\ufe0e\ufe0f\U0001f3fb-\U0001f3ff]*[\U000e0020-\U000e007f]*"
)
_EMOJI = f"[\U0001f1e6-\U0001f1ff]{{2}}|[0-9#*]\ufe0f?\u20e3|{_PICTURE}(?:\u200d{_PICTURE})*"

_LITERAL = re.compile("|".join((*_PATTERNS, _EMOJI)), re.MULTILINE)
# The variation selector changes how a character is drawn, not which one it is. Models and keyboards often omit it.
_EMOJI_SELECTOR = "\ufe0f"
# Replaces a literal while the words around it are examined. It is not a letter, white space or punctuation.
MASK = "\ufffc"


def pieces(text: str) -> list[str]:
    """Return every literal of the text in order, exactly as written."""
    return [found.group() for found in _LITERAL.finditer(text)]


def literals(text: str) -> Counter[str]:
    """Return how often each literal occurs, without emoji variation selectors."""
    return Counter(piece.replace(_EMOJI_SELECTOR, "") for piece in pieces(text))


def masked(text: str) -> str:
    """Return the text with each literal replaced by MASK."""
    return _LITERAL.sub(MASK, text)
