"""S3 objects: content that is too large for a table's item, and the files of exports."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager

from nexus_ai.aws import clients
from nexus_ai.net.concurrency import time_left
from nexus_ai.platform.errors import StoreUnavailable
from nexus_ai.platform.settings import get_settings

# S3's own limit for one DeleteObjects.
BATCH = 1000


class ObjectMissing(Exception):
    """There is no such object, or no longer."""


def put(name: str, body: bytes) -> None:
    with _errors():
        clients.s3().put_object(Bucket=get_settings().content_bucket, Key=name, Body=body)


def put_once(name: str, body: bytes) -> None:
    """Write an object that is not there yet; one that is there stays as it is, since it was written before."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 (comes with the client, on first use)

    with _errors():
        try:
            clients.s3().put_object(Bucket=get_settings().content_bucket, Key=name, Body=body, IfNoneMatch="*")
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "PreconditionFailed":
                raise


def get(name: str) -> bytes:
    """Return an object's content.

    Raises:
        ObjectMissing: There is no such object.
        StoreUnavailable: S3 did not return it.
    """
    with _errors():
        return clients.s3().get_object(Bucket=get_settings().content_bucket, Key=name)["Body"].read()


def delete(names: Sequence[str]) -> None:
    """Deletes up to 1,000 objects; those that are not there are no error. Raises StoreUnavailable where one is left."""
    with _errors():
        answer = clients.s3().delete_objects(
            Bucket=get_settings().content_bucket,
            Delete={"Objects": [{"Key": name} for name in names], "Quiet": True},
        )
    if answer.get("Errors"):
        raise StoreUnavailable


def link(name: str, seconds: int) -> str:
    """A URL by which whoever has it fetches the object, for so long."""
    with _errors():
        return clients.s3().generate_presigned_url(
            "get_object", Params={"Bucket": get_settings().content_bucket, "Key": name}, ExpiresIn=seconds
        )


@contextmanager
def _errors() -> Generator[None]:
    # boto3 knows no deadline: what would begin behind it does not begin.
    if time_left() <= 0:
        raise StoreUnavailable
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 (comes with the client, on first use)

    try:
        yield
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") == "NoSuchKey":
            raise ObjectMissing from error
        raise StoreUnavailable from error
    except BotoCoreError as error:
        raise StoreUnavailable from error
