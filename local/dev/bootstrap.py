"""Makes .venv out of uv.lock, on a machine that has Python 3.11 or newer and nothing else. Needs no package.

It installs uv into .cache, finds a Python 3.13 or lets uv fetch one, and syncs. A second run sees that nothing has
changed and does nothing.
"""

import fcntl
import hashlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache"
VENV = ROOT / ".venv"
STAMP = VENV / ".synced"
UV_REQUIREMENTS = ROOT / "local" / "uv-requirements.txt"
UV_VENV = CACHE / "uv"
UV = UV_VENV / "bin" / "uv"
PRICE_LISTS = ROOT / "layers" / "common" / "make_price_lists.py"
WANTED = "3.13"


class SetupFailed(Exception):
    """The message is one line that says what is missing."""


def main() -> int:
    if sys.version_info < (3, 11):  # noqa: UP036 (this file alone runs under the Python that is there)
        print("setup: Python 3.11 or newer is needed, this is " + sys.version.split()[0], file=sys.stderr)
        return 1
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "setup.lock").open("w") as lock:
        # Two `make run` in a fresh clone set up once.
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            set_up()
        except SetupFailed as failure:
            print(f"setup: {failure}", file=sys.stderr)
            return 1
    return 0


def set_up() -> None:
    wanted = fingerprint()
    if (VENV / "bin" / "python").exists() and STAMP.exists() and STAMP.read_text() == wanted:
        return
    print("setup: installing what uv.lock names; this happens once", file=sys.stderr)
    install_uv()
    sync: list[str | Path] = [UV, "sync", "--locked", "--quiet", "--python", find_python()]
    run(sync, "the packages of uv.lock could not be installed")
    installed = VENV / "lib" / f"python{WANTED}" / "site-packages"
    run([VENV / "bin" / "python", PRICE_LISTS, installed], "the vendors' price lists could not be made")
    STAMP.write_text(wanted)


def fingerprint() -> str:
    inputs = (ROOT / "uv.lock", ROOT / "pyproject.toml", UV_REQUIREMENTS, PRICE_LISTS)
    return hashlib.sha256(b"".join(path.read_bytes() for path in inputs)).hexdigest()


def install_uv() -> None:
    version = UV_REQUIREMENTS.read_text().split("\nuv==", 1)[1].split()[0]
    if UV.exists() and output([UV, "--version"]).startswith(f"uv {version} "):
        return
    run([sys.executable, "-m", "venv", "--clear", UV_VENV], "Python's venv module is missing (Debian: python3-venv)")
    pip: list[str | Path] = [UV_VENV / "bin" / "python", "-m", "pip", "install", "--quiet", "--only-binary", ":all:"]
    run([*pip, "--require-hashes", "--requirement", UV_REQUIREMENTS], "uv could not be installed from PyPI")


def find_python() -> str:
    """The path of a Python 3.13; its version number, which makes uv fetch one, where there is none."""
    candidates = [output([UV, "python", "find", "--no-project", "--no-python-downloads", WANTED])]
    for root in pyenv_roots():
        candidates += [str(path) for path in sorted(root.glob(f"versions/{WANTED}.*/bin/python{WANTED}"), reverse=True)]
    question = "import sys; print('%d.%d' % sys.version_info[:2])"
    return next((path for path in candidates if path and output([path, "-c", question]) == WANTED), WANTED)


def pyenv_roots() -> list[Path]:
    """Where pyenv keeps its versions: its shim of python3.13 answers only when pyenv is told to use that version."""
    roots = [Path(folder).parent for folder in os.environ.get("PATH", "").split(os.pathsep) if folder.endswith("shims")]
    if "PYENV_ROOT" in os.environ:
        roots.insert(0, Path(os.environ["PYENV_ROOT"]))
    return [*roots, Path(os.path.expanduser("~")) / ".pyenv"]


def run(command: list[str | Path], failure: str) -> None:
    if subprocess.run(command, check=False, cwd=ROOT, env=environment(), stdout=sys.stderr).returncode != 0:
        raise SetupFailed(failure)


def output(command: list[str | Path]) -> str:
    """What the command prints; nothing where it fails."""
    done = subprocess.run(command, check=False, cwd=ROOT, env=environment(), capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""


def environment() -> dict[str, str]:
    """This process's own, without what would lead uv to another environment than .venv.

    Certificates are the system's, as pip has it: a company's proxy signs with its own.
    """
    left_out = {"VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "PYTHONHOME", "PYTHONPATH"}
    variables = {"UV_SYSTEM_CERTS": "1"}
    variables |= {name: value for name, value in os.environ.items() if name not in left_out}
    if not os.access(os.path.expanduser("~"), os.W_OK):
        variables["UV_CACHE_DIR"] = str(CACHE / "uv-cache")
    return variables


if __name__ == "__main__":
    sys.exit(main())
