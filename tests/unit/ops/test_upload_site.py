"""Test that `make site` uploads a frontend's build to the site of a deployment."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ops import site
from ops.deployment import Deployment

OUTPUTS = {"SiteBucketName": "files", "SiteUrl": "https://site.example"}


class Aws:
    """CloudFormation with one stack that has a site and one that has none, and an S3 that records its objects."""

    def __init__(self) -> None:
        self.put: list[dict[str, Any]] = []

    def describe_stacks(self, *, StackName: str) -> Mapping[str, Any]:  # noqa: N803
        outputs = OUTPUTS if StackName == "nexus-ai-prod" else {}
        return {"Stacks": [{"Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()]}]}

    def put_object(self, **request: Any) -> None:
        self.put.append(request)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Aws:
    fake = Aws()

    def client(_deployment: Deployment, _service: str) -> Aws:
        return fake

    monkeypatch.setattr(Deployment, "client", client)
    return fake


@pytest.fixture
def built(tmp_path: Path) -> Path:
    for name in ("index.html", "icon.svg", "assets/app-1a2b.js", ".git/config", "assets/.DS_Store"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


def test_pages_come_last_and_only_hashed_names_are_immutable(
    aws: Aws, built: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site.main(["--env", "prod", "--folder", str(built)])

    assert [tuple(each.values()) for each in aws.put] == [
        (
            "files",
            "assets/app-1a2b.js",
            b"assets/app-1a2b.js",
            "text/javascript",
            "public, max-age=31536000, immutable",
        ),
        ("files", "icon.svg", b"icon.svg", "image/svg+xml", "no-cache"),
        ("files", "index.html", b"index.html", "text/html", "no-cache"),
    ]
    assert "https://site.example" in capsys.readouterr().out


def test_missing_site_or_page_is_named(aws: Aws, built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        site.main(["--env", "dev", "--folder", str(built)])
    assert "Site=on" in capsys.readouterr().err
    (built / "index.html").unlink()
    with pytest.raises(SystemExit, match="FOLDER"):
        site.main(["--env", "prod", "--folder", str(built)])
    assert aws.put == []
