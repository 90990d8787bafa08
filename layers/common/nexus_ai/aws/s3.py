"""Read and write S3 objects: audit content that is too large for an item, and export files.

Every function raises StoreUnavailable if S3 fails or the deadline of the request has passed.
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager

from nexus_ai.aws import clients
from nexus_ai.net.concurrency import time_left
from nexus_ai.platform.errors import StoreUnavailable
from nexus_ai.platform.settings import get_settings

# S3's limit for one DeleteObjects.
BATCH = 1000


class ObjectMissing(Exception):
    """Object that does not exist, or no longer exists."""


def put(name: str, body: bytes) -> None:
    """Write an object, or replace it."""
    with _map_errors():
        clients.s3().put_object(Bucket=get_settings().content_bucket, Key=name, Body=body)


def put_once(name: str, body: bytes) -> None:
    """Write an object that does not exist yet. An existing object is left unchanged."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 (imported with the client, on first use)

    with _map_errors():
        try:
            clients.s3().put_object(Bucket=get_settings().content_bucket, Key=name, Body=body, IfNoneMatch="*")
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "PreconditionFailed":
                raise


def get(name: str) -> bytes:
    """Return the content of an object.

    Raises:
        ObjectMissing: The object does not exist.
        StoreUnavailable: S3 did not return it.
    """
    with _map_errors():
        return clients.s3().get_object(Bucket=get_settings().content_bucket, Key=name)["Body"].read()


def delete(names: Sequence[str]) -> None:
    """Delete up to 1,000 objects. Missing objects are not an error.

    Raises:
        StoreUnavailable: At least one object could not be deleted.
    """
    with _map_errors():
        response = clients.s3().delete_objects(
            Bucket=get_settings().content_bucket,
            Delete={"Objects": [{"Key": name} for name in names], "Quiet": True},
        )
    if response.get("Errors"):
        raise StoreUnavailable


def link(name: str, seconds: int) -> str:
    """Return a link to download the object without credentials.

    Args:
        name: Name of the object.
        seconds: Validity of the link.
    """
    with _map_errors():
        return clients.s3().generate_presigned_url(
            "get_object", Params={"Bucket": get_settings().content_bucket, "Key": name}, ExpiresIn=seconds
        )


@contextmanager
def _map_errors() -> Generator[None]:
    # boto3 has no overall deadline, so do not start a call after it has passed.
    if time_left() <= 0:
        raise StoreUnavailable
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 (imported with the client, on first use)

    try:
        yield
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") == "NoSuchKey":
            raise ObjectMissing from error
        raise StoreUnavailable from error
    except BotoCoreError as error:
        raise StoreUnavailable from error
