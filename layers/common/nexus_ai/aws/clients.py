"""One client a service and process: for DynamoDB and KMS, which every call needs, without botocore, else with it.

boto3's clients are safe to share between threads; making them is not, and costs 0.3 s, hence one lock and first use.
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

# A request has 29 seconds in all: a store that does not respond in two is asked again, and given up after three tries.
CONNECT_TIMEOUT_S = 1
# Of boto3 for each wait, of libcurl for a whole exchange.
READ_TIMEOUT_S = 2
# Whoever sends a mail twice has sent two: a mail service is waited for longer, and asked once.
MAIL_READ_TIMEOUT_S = 20
# Before the second try, at most: a hot partition of DynamoDB has room again soon, KMS counts by the second.
DYNAMODB_PAUSE_S = 0.1
KMS_PAUSE_S = 1.0
POOL = 64

_making = Lock()


def _config(tries: int) -> "Config":
    from botocore.config import Config  # noqa: PLC0415 (with its client, on first use)

    return Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        retries={"mode": "standard", "total_max_attempts": tries},
        max_pool_connections=POOL,
        parameter_validation=False,
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )


def load() -> None:
    """Import what a client is made of, and make none: a client holds credentials, connections or a random state."""
    for module in ("boto3.session", "botocore.client"):
        import_module(module)


def _connect(url: str) -> Send:
    return AwsTransport(url, connect_timeout_s=CONNECT_TIMEOUT_S, timeout_s=READ_TIMEOUT_S)


# Returns what sends requests to a URL; the local stack has its own way to the services that it embeds.
connect: Callable[[str], Send] = _connect


def _make_dynamodb() -> AwsJsonClient:
    return AwsJsonClient(
        "dynamodb", "DynamoDB_20120810", "application/x-amz-json-1.0", pause_s=DYNAMODB_PAUSE_S, connect=connect
    )


def _make_kms() -> AwsJsonClient:
    return AwsJsonClient("kms", "TrentService", "application/x-amz-json-1.1", pause_s=KMS_PAUSE_S, connect=connect)


def _make_s3() -> "S3Client":
    import boto3  # noqa: PLC0415

    with _making:
        config = _config(TRIES).merge(_s3_options())
        return boto3.client("s3", config=config)  # pyright: ignore[reportUnknownMemberType]


def _s3_options() -> "Config":
    """Return what links to objects need to work in every region from the bucket's first day.

    By default botocore signs links for the global host `BUCKET.s3.amazonaws.com`. It redirects requests for a new
    bucket, which breaks the signature, and it serves no region that AWS opened after March 2019.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
    """
    from botocore.config import Config  # noqa: PLC0415

    # S3 serves objects that are encrypted with a KMS key only by links of signature version 4.
    signature = "s3v4"
    if aws_settings.configured_endpoint("s3"):
        # An endpoint of one's own has no host name for each bucket: botocore puts the bucket into the path.
        return Config(signature_version=signature)
    return Config(
        signature_version=signature,
        s3={"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"},
    )


def _make_lambda() -> "LambdaClient":
    import boto3  # noqa: PLC0415

    with _making:
        return boto3.client("lambda", config=_config(TRIES))  # pyright: ignore[reportUnknownMemberType]


def _make_secrets_manager() -> "SecretsManagerClient":
    import boto3  # noqa: PLC0415

    with _making:
        return boto3.client("secretsmanager", config=_config(TRIES))  # pyright: ignore[reportUnknownMemberType]


def _make_ses() -> "SESV2Client":
    import boto3  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    with _making:
        config = _config(1).merge(Config(read_timeout=MAIL_READ_TIMEOUT_S))
        return boto3.client("sesv2", config=config)  # pyright: ignore[reportUnknownMemberType]


dynamodb = Once(_make_dynamodb)
kms = Once(_make_kms)
s3 = Once(_make_s3)
lambda_ = Once(_make_lambda)
secrets_manager = Once(_make_secrets_manager)
ses = Once(_make_ses)
