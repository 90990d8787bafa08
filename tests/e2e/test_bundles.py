"""Test what browsers load of the demo, and what an application gets from the library."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from local.dev.site import BUILT
from local.template import ROOT

pytestmark = pytest.mark.slow

FRONTEND = ROOT / "frontend"
BYTES_MAX: Final = 200_000
# Class name by which a bundle shows that it contains the chart library.
CHART = "recharts"
CONSUMER = {
    "index.html": '<div id="root"></div><script type="module" src="/main.tsx"></script>',
    "main.tsx": """
import { type AISelection, AISelector, NexusProvider } from '@nexus/ai';
import { createRoot } from 'react-dom/client';

const getToken = () => 'token';
const choose = (value: AISelection) => console.info(value);

createRoot(document.body).render(
  <NexusProvider baseUrl="https://api.example" getToken={getToken}>
    <AISelector label="IA" module="crm" value="auto" onChange={choose} />
  </NexusProvider>,
);
""",
    "wrong.tsx": """
import { AISelector } from '@nexus/ai';

export const wrong = <AISelector label="IA" value="no provider" onChange={() => {}} />;
""",
    "vite.config.ts": "export default { build: { assetsInlineLimit: 0 } };",
    "tsconfig.json": json.dumps(
        {
            "compilerOptions": {
                "strict": True,
                "noEmit": True,
                "jsx": "react-jsx",
                "module": "esnext",
                "moduleResolution": "bundler",
                "target": "es2023",
                "lib": ["es2023", "dom"],
                "types": [],
                "skipLibCheck": True,
            }
        }
    ),
}


def test_first_load_of_the_demo_is_below_200_kb_and_has_no_chart() -> None:
    manifest: dict[str, Any] = json.loads((BUILT / ".vite" / "manifest.json").read_text(encoding="utf-8"))
    start = {"index.html", "src/demo/AssistantPage.tsx"}
    files = sorted({manifest[name]["file"] for name in with_imports(manifest, start)})
    packed = {file: len(gzip.compress((BUILT / file).read_bytes())) for file in files}
    print(f"first load: {sum(packed.values()):,} bytes of JavaScript, gzipped: {packed}")

    assert sum(packed.values()) < BYTES_MAX
    assert all(CHART not in (BUILT / file).read_text(encoding="utf-8") for file in files)
    others = {entry["file"] for name, entry in manifest.items() if name.endswith("UsageChart.tsx")}
    assert others
    assert all(CHART in (BUILT / file).read_text(encoding="utf-8") for file in others)


def with_imports(manifest: dict[str, Any], names: set[str]) -> set[str]:
    """Return the entries and everything that they import before they run."""
    found, remaining = set[str](), set(names)
    while remaining:
        name = remaining.pop()
        found.add(name)
        remaining |= set(manifest[name].get("imports", ())) - found
    return found


def test_selector_brings_its_types_and_styles_and_no_chart(tmp_path: Path) -> None:
    run("npm", "run", "build:library", at=FRONTEND)
    for name, text in CONSUMER.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    install(tmp_path)

    type_check = run_unchecked("npx", "--no-install", "tsc", "--project", ".", at=tmp_path)
    errors = [line for line in type_check.stdout.splitlines() if "error TS" in line]
    assert len(errors) == 1
    assert errors[0].startswith("wrong.tsx")
    assert '"no provider"' in errors[0]

    run("npx", "--no-install", "vite", "build", "--logLevel", "warn", at=tmp_path)
    scripts = "".join(path.read_text(encoding="utf-8") for path in (tmp_path / "dist" / "assets").glob("*.js"))
    styles = "".join(path.read_text(encoding="utf-8") for path in (tmp_path / "dist" / "assets").glob("*.css"))
    assert "ai-assistant" not in scripts  # Only the assistant calls this route; the selector does not.
    assert "/api/marketing/ai/configs" in scripts
    assert CHART not in scripts
    assert "--nx-accent" in styles
    assert "_trigger_" in styles
    assert "_steps_" not in styles
    assert "_figures_" not in styles


def install(folder: Path) -> None:
    """Link the library and its dependencies into the application, as a package manager would install them."""
    modules = folder / "node_modules"
    (modules / "@nexus").mkdir(parents=True)
    (modules / "@nexus" / "ai").symlink_to(FRONTEND, target_is_directory=True)
    for package in (FRONTEND / "node_modules").iterdir():
        if not (modules / package.name).exists():
            (modules / package.name).symlink_to(package)


def run(*command: str, at: Path) -> None:
    done = run_unchecked(*command, at=at)
    assert done.returncode == 0, done.stdout + done.stderr


def run_unchecked(*command: str, at: Path) -> subprocess.CompletedProcess[str]:
    """Run a command with this project's Node, which is installed with its Python."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        command, cwd=at, capture_output=True, text=True, check=False, env={**os.environ, "CI": "1", "PATH": path}
    )
