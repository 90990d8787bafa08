"""Start the local stack in its own process, as `make run` does."""

import os
import re
import subprocess
import sys
from collections import deque
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread

from local.dev.demo import PROVIDERS
from local.template import ROOT


@dataclass(frozen=True, slots=True)
class Run:
    """Started stack. `lines` are what it printed until it was ready."""

    process: subprocess.Popen[str]
    url: str
    lines: list[str]

    @property
    def curl(self) -> str:
        return next(line for line in self.lines if line.startswith("curl ") and "generate-copy-v2" in line)


def command_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Return this machine's environment without provider keys, base URLs and AWS settings."""
    ours = {variable for provider in PROVIDERS.values() for variable in (provider.key_variable, provider.url_variable)}
    inherited = {name: value for name, value in os.environ.items() if name not in ours and not name.startswith("AWS_")}
    return {**inherited, "PYTHONPATH": "layers/common", "PORT": "0", **extra}


@contextmanager
def running(**extra: str) -> Generator[Run]:
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "local"],
        cwd=ROOT,
        env=command_environment(extra),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    # A pipe that is not read fills up and blocks the stack at its next log line.
    rest = Thread(target=deque, args=(process.stdout, 0))
    try:
        lines: list[str] = []
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            if line.startswith("curl ") and "/local/token" in line:
                break
        url = re.search(r"http://127\.0\.0\.1:\d+", lines[0])
        assert url is not None
        rest.start()
        yield Run(process, url.group(), lines)
    finally:
        process.kill()
        process.wait()
        if rest.ident is not None:
            rest.join()
        process.stdout.close()
