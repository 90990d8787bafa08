"""A frontend's files to a deployment's site: `make site ENV=prod FOLDER=../crm/dist`.

What its pages load is there before they are: the pages come last. Files of before stay, for pages that are open; those
whose names change with their content, in `assets/`, are kept by browsers for good, all others are asked for anew.
"""

import mimetypes
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

FOREVER = "public, max-age=31536000, immutable"
ANEW = "no-cache"


def _client(service: str) -> Any:
    import boto3  # noqa: PLC0415 (most of the time of `--help`)

    return cast("Callable[[str], Any]", boto3.client)(service)  # pyright: ignore[reportUnknownMemberType]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = ArgumentParser(prog="make site", description=__doc__)
    parser.add_argument("--stack", required=True)
    parser.add_argument("--folder", required=True, type=Path)
    asked = parser.parse_args(arguments)
    files = _files(asked.folder)
    if asked.folder / "index.html" not in files:
        sys.exit("make site: FOLDER is what a frontend was built into, with its index.html")
    (stack,) = _client("cloudformation").describe_stacks(StackName=asked.stack)["Stacks"]
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}
    if "SiteBucketName" not in outputs:
        sys.exit(f"make site: {asked.stack} was deployed without a site (Site=on)")
    store = _client("s3")
    for file in files:
        name = file.relative_to(asked.folder).as_posix()
        store.put_object(
            Bucket=outputs["SiteBucketName"],
            Key=name,
            Body=file.read_bytes(),
            ContentType=mimetypes.guess_type(name)[0] or "application/octet-stream",
            CacheControl=FOREVER if name.startswith("assets/") else ANEW,
        )
    print(f"{len(files)} files are at {outputs['SiteUrl']}")


def _files(folder: Path) -> list[Path]:
    """Hidden ones excepted."""
    found = [
        path
        for path in folder.rglob("*")
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    return sorted(found, key=lambda path: (path.suffix == ".html", path))


if __name__ == "__main__":
    main()
