"""Run the simulated providers: `python -m local.providers --port 0` prints one line of JSON with the base URLs."""

import argparse
import json
import signal
from typing import Any

from local.providers.server import SimulatedProviders


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.providers", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 chooses a free port")
    port: int = parser.parse_args().port
    # Block the signals before any thread starts, so that only sigwait receives them.
    signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    with SimulatedProviders(port) as providers:
        started: dict[str, Any] = {"url": providers.url, **providers.environment()}
        print(json.dumps(started), flush=True)
        signal.sigwait(signals)


if __name__ == "__main__":
    main()
