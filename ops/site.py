"""Upload a frontend's files to a deployment's site: `make site ENV=prod FOLDER=../crm/dist`.

Pages are uploaded last, so that the files they load exist already. Older files stay, for pages that are open. Browsers
cache the files in `assets/` without limit, because their names change with their content, and revalidate all others.
"""

import mimetypes
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path

from ops.deployment import DeploymentError, find, one_line_errors

FOREVER = "public, max-age=31536000, immutable"
REVALIDATED = "no-cache"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = ArgumentParser(prog="make site", description=__doc__)
    parser.add_argument("--env", required=True)
    parser.add_argument("--folder", required=True, type=Path)
    options = parser.parse_args(arguments)
    files = _files(options.folder)
    if options.folder / "index.html" not in files:
        sys.exit("make site: FOLDER must be the output folder of a frontend build, with its index.html")
    with one_line_errors("make site"):
        deployment = find(options.env)
        outputs = deployment.outputs()
        if "SiteBucketName" not in outputs:
            raise DeploymentError(f"{deployment.stack_name} was deployed without a site: set Site=on and deploy again")
        store = deployment.client("s3")
        for file in files:
            name = file.relative_to(options.folder).as_posix()
            store.put_object(
                Bucket=outputs["SiteBucketName"],
                Key=name,
                Body=file.read_bytes(),
                ContentType=mimetypes.guess_type(name)[0] or "application/octet-stream",
                CacheControl=FOREVER if name.startswith("assets/") else REVALIDATED,
            )
    print(f"{len(files)} files are at {outputs['SiteUrl']}")


def _files(folder: Path) -> list[Path]:
    """Return the files of a folder without hidden ones, pages last."""
    found = [
        path
        for path in folder.rglob("*")
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    return sorted(found, key=lambda path: (path.suffix == ".html", path))


if __name__ == "__main__":
    main()
