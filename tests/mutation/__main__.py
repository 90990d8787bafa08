"""Mutation testing: `python -m tests.mutation [path of a module in the package ...]`, `make mutants` for all of them.

One small change is made to a module in memory, the tests that run the changed function are run against it in a process
of their own, and have to fail. No file is written. Fails where a group's tests kill less than they have to.
"""

import argparse
import sys

from tests.mutation.mutants import Mutant, mutants
from tests.mutation.runner import Runner
from tests.mutation.targets import EQUIVALENT, GROUPS, NEEDED_PERCENT, PACKAGE, TESTS


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description="mutation testing")
    parser.add_argument("modules", nargs="*", help="paths in the package, such as cache/key.py; all if none")
    parser.add_argument("--jobs", type=int, default=2, help="processes at once")
    given = parser.parse_args()
    wanted = {group: _mutants(group, given.modules) for group in GROUPS}
    runner = Runner({mutant.path for group in wanted.values() for mutant in group}, TESTS, jobs=given.jobs)
    ok = True
    for group, to_kill in wanted.items():
        if to_kill:
            survivors = list(runner.survivors(to_kill))
            killed = len(to_kill) - len(survivors)
            ok = ok and killed * 100 >= NEEDED_PERCENT * len(to_kill)
            print(
                f"{group}: {killed} of {len(to_kill)} mutants killed, {killed * 100 / len(to_kill):.1f} %", flush=True
            )
    return 0 if ok else 1


def _mutants(group: str, modules: list[str]) -> list[Mutant]:
    """Those of a group that a test can tell, in the given modules."""
    found: list[Mutant] = []
    for target in GROUPS[group]:
        path, _, function = target.partition(":")
        if not modules or path in modules:
            of_module = mutants(path, (PACKAGE / path).read_text("utf-8"))
            meant = [each for each in of_module if function in {"", each.function}]
            if not meant:
                raise LookupError(f"there is no {target} any more")
            found += _without_equivalent(path, meant)
    return found


def _without_equivalent(path: str, found: list[Mutant]) -> list[Mutant]:
    equivalent = {(each.before, each.after) for each in EQUIVALENT if each.path == path}
    unknown = equivalent - {(each.before, each.after) for each in found}
    if unknown:
        raise LookupError(f"there is no such mutant in {path} any more: {sorted(unknown)}")
    return [each for each in found if (each.before, each.after) not in equivalent]


if __name__ == "__main__":
    sys.exit(main())
