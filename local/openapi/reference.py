"""API reference in a browser: docs/openapi.json in Swagger UI, whose files npm installs with the frontend."""

from pathlib import Path
from typing import Final

from local.template import ROOT

COMMITTED: Final = ROOT / "docs" / "openapi.json"
ASSETS: Final = ROOT / "frontend" / "node_modules" / "swagger-ui-dist"
# The files that the page loads.
FILES: Final = frozenset({"swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"})

# A token of the demo tenant's administrator is entered, so that "Try it out" works at once.
PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Nexus AI API reference</title>
<link rel="icon" href="/docs/reference/favicon-32x32.png">
<link rel="stylesheet" href="/docs/reference/swagger-ui.css">
</head>
<body>
<div id="reference">
<p>Run <code>make run</code> once to install the API reference, or read <a href="/openapi.json">openapi.json</a>.</p>
</div>
<script src="/docs/reference/swagger-ui-bundle.js"></script>
<script>
const administrator = { tenantId: "demo", userId: "ana", roles: ["admin"] };
const ui = SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  filter: true,
  tryItOutEnabled: true,
  onComplete: async () => {
    const response = await fetch("/local/token", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(administrator),
    });
    ui.preauthorizeApiKey("bearer", (await response.json()).token);
  },
});
</script>
</body>
</html>
"""


def asset(name: str) -> Path | None:
    """Return the file of the page with this name; None if there is none."""
    path = ASSETS / name
    return path if name in FILES and path.is_file() else None
