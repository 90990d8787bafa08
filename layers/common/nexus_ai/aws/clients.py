"""Create one client per AWS service and process, on first use.

DynamoDB and KMS, which every request needs, use a light client without botocore. The other services use boto3. Its
clients may be shared between threads, but creating them is not thread-safe and takes 0.3 s. A lock therefore guards the
creation.
"""

from collections.abc import Callable
from importlib import import_module
from threading import Lock
from typing import TYPE_CHECKING

from nexus_ai.net import aws_settings
from nexus_ai.net.aws_json import TRIES, AwsJsonClient
from nexus_ai.net.aws_transport import AwsTransport, Send
from nexus_ai.platform.once import Once

if TYPE_CHECKING:
    from botocore.config import Config
    from mypy_boto3_lambda.client import LambdaClient
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_secretsmanager.client import SecretsManagerClient
    from mypy_boto3_sesv2.client import SESV2Client

# A request has 29 seconds in total. A store call times out after two seconds and is tried three times.
CONNECT_TIMEOUT_S = 1
# boto3 applies it to each wait for data, libcurl to the whole exchange.
READ_TIMEOUT_S = 2
# A repeated send would deliver the e-mail twice, so SES is called once and with a longer timeout.
MAIL_READ_TIMEOUT_S = 20
# Maximum pause before the second attempt. A hot DynamoDB partition recovers quickly; KMS quotas are per second.
DYNAMODB_PAUSE_S = 0.1
KMS_PAUSE_S = 1.0
POOL = 64

_creation_lock = Lock()


def _config(attempts: int) -> "Config":
    from botocore.config import Config  # noqa: PLC0415 (imported with the client, on first use)

    return Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        retries={"mode": "standard", "total_max_attempts": attempts},
        max_pool_connections=POOL,
        parameter_validation=False,
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )


def load() -> None:
    """Import the modules of boto3 without creating a client.

    A client holds credentials, connections and random state, which must not become part of a snapshot.
    """
    for module in ("boto3.session", "botocore.client"):
        import_module(module)


def _connect(url: str) -> Send:
    return AwsTransport(url, connect_timeout_s=CONNECT_TIMEOUT_S, timeout_s=READ_TIMEOUT_S)


# Returns a function that sends requests to a URL. The local stack replaces it to reach its embedded services.
connect: Callable[[str], Send] = _connect


def _make_dynamodb() -> AwsJsonClient:
    return AwsJsonClient(
        "dynamodb", "DynamoDB_20120810", "application/x-amz-json-1.0", pause_s=DYNAMODB_PAUSE_S, connect=connect
    )


def _make_kms() -> AwsJsonClient:
    return AwsJsonClient("kms", "TrentService", "application/x-amz-json-1.1", pause_s=KMS_PAUSE_S, connect=connect)


def _make_s3() -> "S3Client":
    import boto3  # noqa: PLC0415

    with _creation_lock:
        config = _config(TRIES).merge(_s3_options())
        return boto3.client("s3", config=config)  # pyright: ignore[reportUnknownMemberType]


def _s3_options() -> "Config":
    """Return the options that make links to objects work in every region and right after a bucket is created.

    By default botocore signs links for the global host `BUCKET.s3.amazonaws.com`. For a new bucket this host redirects,
    which breaks the signature. It also serves no region that AWS opened after March 2019.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
    """
    from botocore.config import Config  # noqa: PLC0415

    # S3 serves objects encrypted with a KMS key only through links with signature version 4.
    signature = "s3v4"
    if aws_settings.configured_endpoint("s3"):
        # A custom endpoint has no host name per bucket. botocore puts the bucket into the path.
        return Config(signature_version=signature)
    return Config(
        signature_version=signature,
        s3={"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"},
    )


def _make_lambda() -> "LambdaClient":
    import boto3  # noqa: PLC0415

    with _creation_lock:
        return boto3.client("lambda", config=_config(TRIES))  # pyright: ignore[reportUnknownMemberType]


def _make_secrets_manager() -> "SecretsManagerClient":
    import boto3  # noqa: PLC0415

    with _creation_lock:
        return boto3.client("secretsmanager", config=_config(TRIES))  # pyright: ignore[reportUnknownMemberType]


def _make_ses() -> "SESV2Client":
    import boto3  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    with _creation_lock:
        config = _config(1).merge(Config(read_timeout=MAIL_READ_TIMEOUT_S))
        return boto3.client("sesv2", config=config)  # pyright: ignore[reportUnknownMemberType]


dynamodb = Once(_make_dynamodb)
kms = Once(_make_kms)
s3 = Once(_make_s3)
lambda_ = Once(_make_lambda)
secrets_manager = Once(_make_secrets_manager)
ses = Once(_make_ses)
