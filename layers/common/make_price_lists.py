"""Writes what the five vendors' models cost as Python's own literals, out of the package `genai-prices`.

    python3.13 make_price_lists.py FOLDER    # where genai_prices is installed; genai_price_lists/ is put beside it

Its data are read and not imported: for another architecture than this machine's, what they import does not load here.
What `nexus_ai.providers.price_lists` reads is one module for each vendor, with MODELS in the package's order, which
decides between two that match. A price of something that no call here can use is left out; one of an unknown kind,
or under an unknown condition, ends this with an error, because leaving it out would make calls look cheaper.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from pprint import pformat
from typing import Any, cast

PROVIDERS = ("anthropic", "google", "groq", "openai", "openrouter")
# US dollars a million tokens, by the package's names for them.
KINDS = ("input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok", "output_reasoning_mtok")
# Of texts alone no call has any of these: media, searches, writes into a cache for an hour, speech.
NOT_USED = frozenset(
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
    installed = Path(sys.argv[1])
    lists = dict(_read(installed / "genai_prices" / "data.py"))
    target = installed / "genai_price_lists"
    target.mkdir(exist_ok=True)
    for vendor in PROVIDERS:
        text = f"MODELS = {pformat(lists[vendor], width=120, compact=True)}\n"
        (target / f"{vendor}.py").write_text(text, encoding="utf-8")


def _read(data: Path) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Each vendor with its models, of which each is a name, a rule, a context window and prices by their first days."""
    tree = ast.parse(data.read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == "providers":
            assert isinstance(node.value, ast.List)
            for each in node.value.elts:
                if _name(each) in PROVIDERS:
                    vendor = _value(each)
                    yield vendor["id"], tuple(map(_model, vendor["models"]))


def _name(vendor: ast.expr) -> Any:
    """Of a vendor, of which all else may be unknown here."""
    assert isinstance(vendor, ast.Call)
    return next(_value(each.value) for each in vendor.keywords if each.arg == "id")


def _value(node: ast.expr | None) -> Any:
    """A literal; what a class is made of has its name under `is`."""
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
            raise ValueError(f"genai-prices has something new: {ast.unparse(node) if node else None}")


def _model(model: dict[str, Any]) -> tuple[str, Any, int | None, tuple[Any, ...]]:
    prices: Any = model.get("prices", [])
    conditional = cast("list[dict[str, Any]]", prices if isinstance(prices, list) else [{"prices": prices}])
    since = tuple((_first_day(each.get("constraint")), _rates(each["prices"])) for each in conditional)
    return model["id"], _rule(model["match"]), model.get("context_window"), since


def _first_day(condition: dict[str, Any] | None) -> str | None:
    if condition is None:
        return None
    if condition["is"] != "StartDateConstraint":
        raise ValueError(f"a price under an unknown condition: {condition}")
    day: str = condition["start_date"]
    return day


def _rates(prices: dict[str, Any]) -> tuple[Any, ...]:
    """One for each kind: what the price is, and what it is instead from more tokens of input than so many on."""
    told = {name for name, price in prices.items() if price is not None}
    if unknown := told - {"is", *KINDS, *NOT_USED}:
        raise ValueError(f"prices of unknown kinds: {sorted(unknown)}")
    return tuple(_tiers(prices[name]) if name in told else None for name in KINDS)


def _tiers(price: Any) -> tuple[tuple[int, str], ...]:
    """Each with the tokens of input above which it holds, in ascending order. The first holds from none on."""
    if isinstance(price, str):
        return ((-1, price),)
    return ((-1, price["base"]), *sorted((tier["start"], tier["price"]) for tier in price["tiers"]))


def _rule(clause: dict[str, Any]) -> tuple[str, Any]:
    kind = CLAUSES[clause["is"]]
    operand = clause[kind]
    if isinstance(operand, list):
        return kind, tuple(map(_rule, cast("list[dict[str, Any]]", operand)))
    # Names are compared in small letters; a pattern's would change their meaning.
    return kind, operand if kind == "regex" else operand.lower()


if __name__ == "__main__":
    main()
