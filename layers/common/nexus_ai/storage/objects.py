"""S3 objects: content that is too large for a table's item."""

from collections.abc import Generator
from contextlib import contextmanager

from nexus_ai.core.errors import StoreUnavailable
from nexus_ai.core.settings import get_settings
from nexus_ai.storage import aws


def put(name: str, body: bytes) -> None:
    with _errors():
        aws.s3().put_object(Bucket=get_settings().content_bucket, Key=name, Body=body)


def get(name: str) -> bytes:
    with _errors():
        return aws.s3().get_object(Bucket=get_settings().content_bucket, Key=name)["Body"].read()


@contextmanager
def _errors() -> Generator[None]:
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 (comes with the client, on first use)

    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise StoreUnavailable from error
