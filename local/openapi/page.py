"""The description as a page that people read: no script, nothing loaded from elsewhere."""

import json
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
code, pre { font: 14px/1.45 ui-monospace, monospace; }
pre { background: var(--soft); border-radius: .5rem; overflow-x: auto; padding: .75rem; }
b { display: inline-block; min-width: 4.5em; }
table { border-collapse: collapse; width: 100%; }
td, th { border-top: 1px solid var(--line); padding: .25rem .5rem .25rem 0; text-align: left; vertical-align: top; }
"""


def page(document: Mapping[str, Any]) -> str:
    """HTML of an OpenAPI document as `document.document` makes it."""
    return "".join(_page(document))


def _page(document: Mapping[str, Any]) -> Iterator[str]:
    title = escape(document["info"]["title"])
    yield f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<style>{_STYLE}</style><h1>{title} {escape(document['info']['version'])}</h1>"
    yield f"<p>{escape(document['info']['description'])}</p>"
    yield '<p>The same for programs: <a href="/openapi.json">openapi.json</a>.</p>'
    for tag in document["tags"]:
        yield f"<h2>{escape(tag['name'].capitalize())}</h2><p>{escape(tag['description'])}</p>"
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                if tag["name"] in operation["tags"]:
                    yield from _operation(method, path, operation)
    yield "<h2>Schemas</h2>"
    for name, schema in document["components"]["schemas"].items():
        yield f'<details id="{escape(name)}"><summary><code>{escape(name)}</code></summary>{_json(schema)}</details>'
    yield "<h2>Ends without an answer</h2>"
    for code, example in document["components"]["examples"].items():
        told = f"<code>{escape(code)}</code> {example['value']['status']}: {escape(example['value']['title'])}"
        yield f'<details id="{escape(code)}"><summary>{told}</summary>{_json(example["value"])}</details>'
    yield "</html>"


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> Iterator[str]:
    place = f"<b>{method.upper()}</b> <code>{escape(path)}</code>"
    yield f'<details id="{escape(operation["operationId"])}"><summary>{place} {escape(operation["summary"])}</summary>'
    yield f"<p>{escape(operation['description'])}</p>"
    if operation["parameters"]:
        yield "<h4>Parameters</h4><table>"
        for parameter in operation["parameters"]:
            needed = ", required" if parameter.get("required") else ""
            told = parameter.get("description") or parameter["schema"].get("description", "")
            yield f"<tr><td><code>{escape(parameter['name'])}</code><td>{parameter['in']}{needed}<td>{escape(told)}"
        yield "</table>"
    if "requestBody" in operation:
        yield f"<h4>Body</h4>{_content(operation['requestBody']['content'])}"
    for status, response in operation["responses"].items():
        yield f"<h4>{status}: {escape(response['description'])}</h4>{_content(response['content'])}"
    yield "</details>"


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
    return f"<pre>{escape(json.dumps(value, indent=2, ensure_ascii=False))}</pre>"
