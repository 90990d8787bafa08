"""Write the prices of the five providers' models as Python literals, from the package `genai-prices`.

    python3.13 make_price_lists.py FOLDER    # FOLDER has genai_prices; genai_price_lists/ is written next to it

The package's data are parsed, not imported: for another CPU architecture, its dependencies cannot be imported here.
`nexus_ai.providers.price_lists` reads one module per provider. MODELS keeps the order of the package, which decides
between two entries that match. Prices for something that our calls never use are left out. A price of an unknown kind,
or under an unknown condition, is an error, because leaving it out would make calls look cheaper.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from pprint import pformat
from typing import Any, cast

PROVIDERS = ("anthropic", "google", "groq", "openai", "openrouter")
# Kinds of prices in US dollars per million tokens, by the package's names.
KINDS = ("input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok", "output_reasoning_mtok")
# Our calls send only text, so they never use these: media, searches, one-hour cache writes, speech.
UNUSED_KINDS = frozenset(
    {
        "audio_hours", "cache_audio_read_mtok", "cache_image_read_mtok", "cache_write_1h_mtok", "input_audio_hours",
        "input_audio_mtok", "input_image_mtok", "input_mchars", "input_video_mtok", "output_audio_mtok",
        "output_image_mtok", "output_video_mtok", "storage_searches_kcount", "web_searches_kcount",
    }
)  # fmt: skip
CLAUSES = {
    "ClauseEquals": "equals",
    "ClauseStartsWith": "starts_with",
    "ClauseEndsWith": "ends_with",
    "ClauseContains": "contains",
    "ClauseRegex": "regex",
    "ClauseOr": "or_",
    "ClauseAnd": "and_",
}


def main() -> None:
    """Write one module per provider."""
    installed = Path(sys.argv[1])
    lists = dict(_read(installed / "genai_prices" / "data.py"))
    target = installed / "genai_price_lists"
    target.mkdir(exist_ok=True)
    for provider in PROVIDERS:
        text = f"MODELS = {pformat(lists[provider], width=120, compact=True)}\n"
        (target / f"{provider}.py").write_text(text, encoding="utf-8")


def _read(data: Path) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Yield each provider with its models: name, rule, context window, and prices by their first day."""
    tree = ast.parse(data.read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == "providers":
            assert isinstance(node.value, ast.List)
            for each in node.value.elts:
                if _name(each) in PROVIDERS:
                    provider = _value(each)
                    yield provider["id"], tuple(map(_model, provider["models"]))


def _name(provider: ast.expr) -> Any:
    """Return the id of a provider. Its other fields may have unknown forms."""
    assert isinstance(provider, ast.Call)
    return next(_value(each.value) for each in provider.keywords if each.arg == "id")


def _value(node: ast.expr | None) -> Any:
    """Return the value of a literal. A constructor call becomes a mapping with its class name under `is`."""
    match node:
        case ast.Constant(value):
            return value
        case ast.List(elements):
            return [_value(each) for each in elements]
        case ast.Dict(keys, values):
            return dict(zip(map(_value, keys), map(_value, values), strict=True))
        case ast.Call(ast.Name("Decimal"), [ast.Constant(digits)]):
            return str(digits)
        case ast.Call(ast.Attribute(ast.Name("datetime"), "date"), [year, month, day]):
            return f"{_value(year):04}-{_value(month):02}-{_value(day):02}"
        case ast.Call(ast.Name(name), [], keywords):
            return {"is": name} | {str(each.arg): _value(each.value) for each in keywords}
        case _:
            raise ValueError(f"genai-prices contains an unknown expression: {ast.unparse(node) if node else None}")


def _model(model: dict[str, Any]) -> tuple[str, Any, int | None, tuple[Any, ...]]:
    prices: Any = model.get("prices", [])
    conditional = cast("list[dict[str, Any]]", prices if isinstance(prices, list) else [{"prices": prices}])
    since = tuple((_first_day(each.get("constraint")), _rates(each["prices"])) for each in conditional)
    return model["id"], _rule(model["match"]), model.get("context_window"), since


def _first_day(condition: dict[str, Any] | None) -> str | None:
    if condition is None:
        return None
    if condition["is"] != "StartDateConstraint":
        raise ValueError(f"price under an unknown condition: {condition}")
    day: str = condition["start_date"]
    return day


def _rates(prices: dict[str, Any]) -> tuple[Any, ...]:
    """Return one entry per kind of tokens: its tiers, or None without a price."""
    priced = {name for name, price in prices.items() if price is not None}
    if unknown := priced - {"is", *KINDS, *UNUSED_KINDS}:
        raise ValueError(f"prices of unknown kinds: {sorted(unknown)}")
    return tuple(_tiers(prices[name]) if name in priced else None for name in KINDS)


def _tiers(price: Any) -> tuple[tuple[int, str], ...]:
    """Return tiers in ascending order, each with the input tokens above which it applies.

    The first tier has -1, so that it applies from zero tokens on.
    """
    if isinstance(price, str):
        return ((-1, price),)
    return ((-1, price["base"]), *sorted((tier["start"], tier["price"]) for tier in price["tiers"]))


def _rule(clause: dict[str, Any]) -> tuple[str, Any]:
    kind = CLAUSES[clause["is"]]
    operand = clause[kind]
    if isinstance(operand, list):
        return kind, tuple(map(_rule, cast("list[dict[str, Any]]", operand)))
    # Names are compared in lower case. Lower-casing a pattern would change its meaning.
    return kind, operand if kind == "regex" else operand.lower()


if __name__ == "__main__":
    main()
