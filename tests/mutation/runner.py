"""Runs tests against mutants, each in a fork of a process that has imported everything but the project itself."""

import importlib
import json
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from inspect import CO_OPTIMIZED
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import CodeType

import hypothesis
import pytest

from tests.mutation.mutants import Mutant
from tests.mutation.targets import PACKAGE, ROOT

# Heavy, and the same for each mutant.
WARM = ("boto3.s3.transfer", "genai_price_lists.openrouter", "jwt", "moto.dynamodb.responses", "moto.kms.responses",
        "moto.s3.responses", "moto.server", "moto.sts.models", "openai", "pydantic", "werkzeug.serving")  # fmt: skip
# Plugins that no test here needs take longer to be loaded than most tests take.
OPTIONS = ("-x", "-q", "-p", "no:cacheprovider", "--disable-plugin-autoload", "-p", "pytest_socket")
# A mutant that makes the tests take this much longer hangs, which its tests would not let pass either.
SLOWER, AND_S = 5, 20

_fork = multiprocessing.get_context("fork")


@dataclass
class Coverage:
    """Which tests start which functions of a module, and how long each test takes."""

    seconds: dict[str, float] = field(default_factory=dict[str, float])
    tests: dict[str, dict[str, list[str]]] = field(default_factory=dict[str, dict[str, list[str]]])

    def of(self, mutant: Mutant) -> list[str]:
        """The tests that may tell a mutant, the quickest first.

        What runs once a process (an import, a constructor, whatever is cached) may be told by every test of the module.
        """
        functions = self.tests.get(mutant.path, {})
        found = functions.get(mutant.function)
        if found is None:
            found = [test for tests in functions.values() for test in tests]
        return sorted(set(found), key=lambda test: self.seconds[test])


class Runner:
    def __init__(self, paths: Iterable[str], tests: Sequence[str], *, jobs: int) -> None:
        """Runs all tests once as they are. They have to pass."""
        self._jobs = jobs
        os.chdir(ROOT)
        for name in WARM:
            importlib.import_module(name)
        hypothesis.settings.register_profile(
            "mutants",
            database=None,
            deadline=None,
            derandomize=True,
            phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
        )
        hypothesis.settings.load_profile("mutants")
        with tempfile.TemporaryDirectory() as directory:
            report = Path(directory, "coverage.json")
            baseline = _fork.Process(target=_measure, args=(set(paths), tests, report))
            baseline.start()
            baseline.join()
            if baseline.exitcode != 0:
                raise SystemExit("the tests fail without a mutant")
            self._coverage = Coverage(**json.loads(report.read_text("utf-8")))

    def survivors(self, mutants: Sequence[Mutant]) -> Iterator[Mutant]:
        """The mutants that all of their tests let pass, printed as they are found."""
        for path in dict.fromkeys(mutant.path for mutant in mutants):
            self._pass_as_it_is(path)
        waiting, running = list(reversed(mutants)), dict[BaseProcess, tuple[Mutant, float]]()
        while waiting or running:
            while waiting and len(running) < self._jobs:
                mutant = waiting.pop()
                process, until = self._start(mutant)
                running[process] = mutant, until
            wait([process.sentinel for process in running], timeout=1)
            for process, (mutant, until) in list(running.items()):
                if process.is_alive() and time.monotonic() < until:
                    continue
                del running[process]
                if _end(process) == pytest.ExitCode.OK:
                    print(mutant, flush=True)
                    yield mutant

    def _pass_as_it_is(self, path: str) -> None:
        """So that a test which fails without a mutant, when it runs in a mutant's order, kills none."""
        source = (PACKAGE / path).read_text("utf-8")
        process, _ = self._start(Mutant(path, line=1, function="", before="", after="", source=source))
        process.join()
        if process.exitcode != pytest.ExitCode.OK:
            raise SystemExit(f"the tests of {path} fail without a mutant")

    def _start(self, mutant: Mutant) -> tuple[BaseProcess, float]:
        tests = self._coverage.of(mutant)
        process = _fork.Process(target=_try, args=(mutant, tests))
        process.start()
        seconds = sum(self._coverage.seconds[test] for test in tests)
        return process, time.monotonic() + SLOWER * seconds + AND_S


def _end(process: BaseProcess) -> int | None:
    """The exit code; None for one that hung and is killed with all that it has started."""
    if process.is_alive():
        assert process.pid
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.join()
        return None
    process.join()
    return process.exitcode


def _try(mutant: Mutant, tests: Sequence[str]) -> None:
    os.setsid()
    silence = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(silence, stream)
    if not tests:
        os._exit(pytest.ExitCode.OK)
    sys.meta_path.insert(0, _Mutated(mutant))
    files = dict.fromkeys(test.partition("::")[0] for test in tests)
    os._exit(pytest.main([*OPTIONS, *files], plugins=[_Selection(tests)]))


class _Mutated:
    """Finds the mutant where its module is imported."""

    def __init__(self, mutant: Mutant) -> None:
        self._path = str(PACKAGE / mutant.path)
        self._name = ".".join(["nexus_ai", *Path(mutant.path).with_suffix("").parts])
        self._source = mutant.source

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if name != self._name:
            return None
        return spec_from_file_location(name, self._path, loader=_Loader(name, self._path, self._source))


class _Loader(SourceFileLoader):
    def __init__(self, name: str, path: str, source: str) -> None:
        super().__init__(name, path)
        self._source = source

    def get_code(self, fullname: str) -> CodeType:
        return compile(self._source, self.path, "exec")


class _Selection:
    """These tests and no others, in this order, and nothing after the first failure: no server has to be stopped."""

    def __init__(self, tests: Sequence[str]) -> None:
        self._place = {test: place for place, test in enumerate(tests)}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted(
            (item for item in items if item.nodeid in self._place), key=lambda item: self._place[item.nodeid]
        )

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            os._exit(pytest.ExitCode.TESTS_FAILED)


def _measure(paths: set[str], tests: Sequence[str], report: Path) -> None:
    measured = _Measured({str(PACKAGE / path): path for path in paths})
    code = pytest.main([*OPTIONS, *tests], plugins=[measured])
    report.write_text(json.dumps({"seconds": measured.seconds, "tests": measured.tests()}), "utf-8")
    sys.stdout.flush()
    os._exit(code)


class _Measured:
    """Notes what each test starts, in all threads of this process."""

    def __init__(self, paths: Mapping[str, str]) -> None:
        self.seconds: dict[str, float] = {}
        self._paths = paths
        self._started: dict[tuple[str, str], set[str]] = {}
        self._test = ""
        monitoring = sys.monitoring
        monitoring.use_tool_id(monitoring.COVERAGE_ID, "mutants")
        monitoring.register_callback(monitoring.COVERAGE_ID, monitoring.events.PY_START, self._on_start)
        monitoring.set_events(monitoring.COVERAGE_ID, monitoring.events.PY_START)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        self._test, began = item.nodeid, time.monotonic()
        try:
            return (yield)
        finally:
            self.seconds[item.nodeid] = time.monotonic() - began
            self._test = ""

    def tests(self) -> dict[str, dict[str, list[str]]]:
        found: dict[str, dict[str, list[str]]] = {}
        for (path, function), tests in self._started.items():
            found.setdefault(path, {})[function] = sorted(tests)
        return found

    def _on_start(self, code: CodeType, _offset: int) -> object:
        path = self._paths.get(code.co_filename)
        if path is None:
            return sys.monitoring.DISABLE
        if self._test and code.co_flags & CO_OPTIMIZED:
            function = code.co_qualname.partition(".<locals>")[0]
            self._started.setdefault((path, function), set()).add(self._test)
        return None
