"""Check the subject of a commit message. pre-commit runs it as a commit-msg hook.

    python -m ops.commit_message .git/COMMIT_EDITMSG

The form is https://www.conventionalcommits.org/en/v1.0.0/, in the imperative and with at most 72 characters.
"""

import re
import sys
from pathlib import Path

MAX_CHARACTERS = 72
TYPES = ("build", "chore", "ci", "docs", "feat", "fix", "perf", "refactor", "revert", "style", "test")
_SUBJECT = re.compile(rf"(?:{'|'.join(TYPES)})(?:\([a-z0-9-]+\))?!?: (?P<description>\S.*)")
# Git writes these subjects itself.
_GENERATED = re.compile(r'Merge |Revert "|(?:fixup|squash|amend)! ')


def problems(message: str) -> list[str]:
    """Return what is wrong with a commit message, one sentence each; empty if nothing is."""
    lines = [line for line in message.splitlines() if not line.startswith("#")]
    subject = lines[0] if lines else ""
    if _GENERATED.match(subject):
        return []
    found: list[str] = []
    match = _SUBJECT.fullmatch(subject)
    if match is None:
        found.append(f"The subject must be `type(scope): description`, with a type of {', '.join(TYPES)}.")
    elif match["description"][0].isupper() or match["description"].endswith("."):
        found.append("The description must begin with a small letter and end without a period.")
    if len(subject) > MAX_CHARACTERS:
        found.append(f"The subject has {len(subject)} characters; at most {MAX_CHARACTERS} are allowed.")
    if len(lines) > 1 and lines[1]:
        found.append("A blank line must follow the subject.")
    return found


def main(path: str) -> int:
    """Print the problems of the message in a file and return the exit status."""
    found = problems(Path(path).read_text("utf-8"))
    for problem in found:
        print(problem)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
