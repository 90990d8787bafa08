"""Create .venv from uv.lock on a machine that has only Python 3.11 or newer. Imports no installed package.

It installs uv into .cache, finds Python 3.13 or lets uv download it, and syncs the packages. A second run does nothing
if the inputs have not changed.
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
    """Failed setup. The message is one line that names the missing part."""


def main() -> int:
    if sys.version_info < (3, 11):  # noqa: UP036 (only this file runs under the installed Python)
        print("setup: Python 3.11 or newer is required, this is " + sys.version.split()[0], file=sys.stderr)
        return 1
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "setup.lock").open("w") as lock:
        # With the lock, two `make run` in a fresh clone install the packages only once.
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            set_up()
        except SetupFailed as failure:
            print(f"setup: {failure}", file=sys.stderr)
            return 1
    return 0


def set_up() -> None:
    stamp = fingerprint()
    if (VENV / "bin" / "python").exists() and STAMP.exists() and STAMP.read_text() == stamp:
        return
    print("setup: installing the packages of uv.lock; this happens once", file=sys.stderr)
    install_uv()
    sync: list[str | Path] = [UV, "sync", "--locked", "--quiet", "--python", find_python()]
    run(sync, "the packages of uv.lock could not be installed")
    installed = VENV / "lib" / f"python{WANTED}" / "site-packages"
    run([VENV / "bin" / "python", PRICE_LISTS, installed], "the providers' price lists could not be created")
    STAMP.write_text(stamp)


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
    """Return the path of a Python 3.13. If there is none, return the version, with which uv downloads it."""
    candidates = [output([UV, "python", "find", "--no-project", "--no-python-downloads", WANTED])]
    for root in pyenv_roots():
        candidates += [str(path) for path in sorted(root.glob(f"versions/{WANTED}.*/bin/python{WANTED}"), reverse=True)]
    program = "import sys; print('%d.%d' % sys.version_info[:2])"
    return next((path for path in candidates if path and output([path, "-c", program]) == WANTED), WANTED)


def pyenv_roots() -> list[Path]:
    """Return the folders with pyenv's versions. Its shim of python3.13 works only while pyenv selects that version."""
    roots = [Path(folder).parent for folder in os.environ.get("PATH", "").split(os.pathsep) if folder.endswith("shims")]
    if "PYENV_ROOT" in os.environ:
        roots.insert(0, Path(os.environ["PYENV_ROOT"]))
    return [*roots, Path(os.path.expanduser("~")) / ".pyenv"]


def run(command: list[str | Path], failure: str) -> None:
    if subprocess.run(command, check=False, cwd=ROOT, env=environment(), stdout=sys.stderr).returncode != 0:
        raise SetupFailed(failure)


def output(command: list[str | Path]) -> str:
    """Return the output of the command; empty if it fails."""
    done = subprocess.run(command, check=False, cwd=ROOT, env=environment(), capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""


def environment() -> dict[str, str]:
    """Return this process's variables without those that would make uv use another environment than .venv.

    uv uses the system's certificates, as pip does, because a corporate proxy may sign with its own certificate.
    """
    left_out = {"VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "PYTHONHOME", "PYTHONPATH"}
    variables = {"UV_SYSTEM_CERTS": "1"}
    variables |= {name: value for name, value in os.environ.items() if name not in left_out}
    if not os.access(os.path.expanduser("~"), os.W_OK):
        variables["UV_CACHE_DIR"] = str(CACHE / "uv-cache")
    return variables


if __name__ == "__main__":
    sys.exit(main())
