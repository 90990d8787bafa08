"""The description as a page that people read: no script, nothing loaded from elsewhere.

What a link leads to is inside its `details`, so that browsers open it.
"""

import json
import re
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final

from local.template import ROOT

COMMITTED: Final = ROOT / "docs" / "openapi.json"
_STYLE: Final = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1rem; }
h2 { border-bottom: 1px solid var(--line); margin-top: 2.5rem; }
details { border: 1px solid var(--line); border-radius: .5rem; margin: .5rem 0; padding: .5rem .75rem; }
summary { cursor: pointer; overflow-wrap: anywhere; }
details > [id] { scroll-margin-top: 3.5rem; }
code, pre { font: 14px/1.45 ui-monospace, monospace; }
pre { background: var(--soft); border-radius: .5rem; overflow-x: auto; padding: .75rem; }
b { display: inline-block; min-width: 4.5em; }
table { border-collapse: collapse; width: 100%; }
td { border-top: 1px solid var(--line); padding: .25rem .75rem .25rem 0; vertical-align: top; }
td:last-child { overflow-wrap: anywhere; width: 70%; }
"""
_REFERENCE: Final = re.compile(r"&quot;#/components/schemas/(\w+)&quot;")
_LINK: Final = r'&quot;<a href="#\1">#/components/schemas/\1</a>&quot;'
# What a parameter's schema says of its values, beside their type.
_BOUNDS: Final = {
    "format": "{}",
    "minimum": "at least {}",
    "maximum": "at most {}",
    "minLength": "of length {} at least",
    "maxLength": "of length {} at most",
    "default": "{} by default",
}


def page(document: Mapping[str, Any]) -> str:
    """HTML of an OpenAPI document as `document.document` makes it."""
    return "".join(_page(document))


def _page(document: Mapping[str, Any]) -> Iterator[str]:
    title = escape(document["info"]["title"])
    yield f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    # Browsers ask for a picture where none is named.
    yield f'<link rel="icon" href="data:,"><style>{_STYLE}</style>'
    yield f"<h1>{title} {escape(document['info']['version'])}</h1>"
    yield f"<p>{_prose(document['info']['description'])}</p>"
    yield '<p>The same for programs: <a href="/openapi.json">openapi.json</a>.</p>'
    schemas = document["components"]["schemas"]
    for tag in document["tags"]:
        yield f"<h2>{escape(tag['name'].capitalize())}</h2><p>{escape(tag['description'])}</p>"
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                if tag["name"] in operation["tags"]:
                    yield from _operation(method, path, operation, schemas)
    yield "<h2>Schemas</h2>"
    for name, schema in schemas.items():
        yield _folded(name, f"<code>{escape(name)}</code>", _json(schema))
    yield "<h2>Ends without an answer</h2>"
    for code, example in document["components"]["examples"].items():
        told = f"<code>{escape(code)}</code> {example['value']['status']}: {escape(example['value']['title'])}"
        yield _folded(code, told, _json(example["value"]))
    yield "</html>"


def _folded(name: str, summary: str, content: str) -> str:
    return f'<details><summary>{summary}</summary><div id="{escape(name)}">{content}</div></details>'


def _operation(method: str, path: str, operation: Mapping[str, Any], schemas: Mapping[str, Any]) -> Iterator[str]:
    place = f"<b>{method.upper()}</b> <code>{escape(path)}</code> {escape(operation['summary'])}"
    told = [f"<p>{_prose(operation['description'])}</p>"]
    if operation["parameters"]:
        told += ["<h3>Parameters</h3><table>", *(_parameter(each, schemas) for each in operation["parameters"])]
        told.append("</table>")
    if "requestBody" in operation:
        told.append(f"<h3>Body</h3>{_content(operation['requestBody']['content'])}")
    for status, response in operation["responses"].items():
        told.append(f"<h3>{status}: {escape(response['description'])}</h3>{_content(response['content'])}")
    yield _folded(operation["operationId"], place, "".join(told))


def _parameter(parameter: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    needed = ", required" if parameter.get("required") else ""
    told = f"{parameter.get('description', '')} {_values(parameter['schema'], schemas)}".strip()
    return f"<tr><td><code>{escape(parameter['name'])}</code><td>{parameter['in']}{needed}<td>{_prose(told)}"


def _values(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    """What a parameter may be, in words; one that may be left out is not said to be null."""
    (inner,) = [each for each in schema.get("anyOf", [schema]) if each.get("type") != "null"]
    inner = schemas[inner["$ref"].rpartition("/")[2]] if "$ref" in inner else inner
    words = [f"`{value}`" for value in inner["enum"]] if "enum" in inner else [inner["type"]]
    known = {**inner, **{name: value for name, value in schema.items() if value is not None}}
    return ", ".join(words + [text.format(known[name]) for name, text in _BOUNDS.items() if name in known])


def _prose(text: str) -> str:
    """Escaped, with what stands between backticks as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _content(content: Mapping[str, Any]) -> str:
    """The schemas by their names, the example, and the names of those that are shown at the end."""
    shown: list[str] = []
    for kind, media in content.items():
        name = media["schema"].get("$ref", "").rpartition("/")[2]
        link = f': <a href="#{escape(name)}"><code>{escape(name)}</code></a>' if name else ""
        shown.append(f"<p>{escape(kind)}{link}</p>")
        if "example" in media:
            shown.append(_json(media["example"]))
        shown += [f'<a href="#{escape(code)}"><code>{escape(code)}</code></a> ' for code in media.get("examples", ())]
    return "".join(shown)


def _json(value: Any) -> str:
    text = escape(json.dumps(value, indent=2, ensure_ascii=False))
    return f"<pre>{_REFERENCE.sub(_LINK, text)}</pre>"
