"""Provide AWS to the local stack: embedded in this process, or the services at AWS_ENDPOINT_URL.

Embedded services are moto. Calls from this process stay in it; a server on a free port gives other processes access to
the same state. Tables, bucket and keys are created from template.yaml in both cases. Those that already exist at
AWS_ENDPOINT_URL are used unchanged.
"""

import json
import os
import threading
from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from inspect import signature
from typing import TYPE_CHECKING, Any, Final, Self, cast
from urllib.parse import urlsplit

from local.emulator.server import Server
from local.environment import environment
from local.template import ACCOUNT_ID, Template
from nexus_ai.aws import clients
from nexus_ai.net.aws_transport import Request, Response, Send

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_kms.client import KMSClient
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_sesv2.client import SESV2Client

ENDPOINT: Final = "AWS_ENDPOINT_URL"
AMAZON: Final = ".amazonaws.com"
# One call of each service, which shows if an endpoint supports it.
_PROBES: Final[Mapping[str, Callable[[Any], object]]] = {
    "dynamodb": lambda client: client.list_tables(Limit=1),
    "kms": lambda client: client.list_keys(Limit=1),
    "s3": lambda client: client.list_buckets(),
    "sesv2": lambda client: client.list_email_identities(PageSize=1),
}


# DynamoDB operations whose responses contain items.
_ITEM_OPERATIONS: Final = frozenset({"BatchGetItem", "GetItem", "PutItem", "Query", "Scan", "UpdateItem"})


class AwsUnreachable(Exception):
    """No server responds at AWS_ENDPOINT_URL."""


class Aws:
    """AWS services of the local stack.

    `start` creates the resources of template.yaml, adds their names to the template, and sets the AWS variables.

    Attributes:
        embedded: Services that run in this process.
        external: Services at AWS_ENDPOINT_URL.
    """

    def __init__(self, template: Template, region: str, operator: Mapping[str, str]) -> None:
        """Prepare the services. `operator` is the environment in which the stack was started."""
        self._template = template
        self._region = region
        self._operator = operator
        self._open = ExitStack()
        self._server: Server | None = None
        self.external: tuple[str, ...] = ()
        self.embedded: tuple[str, ...] = ()

    def start(self) -> Self:
        """Start the embedded services and create all resources.

        Raises:
            AwsUnreachable: No server responds at AWS_ENDPOINT_URL.
        """
        url = self._operator.get(ENDPOINT) or None
        variables: dict[str, str | None] = {
            "AWS_REGION": self._region,
            "AWS_DEFAULT_REGION": self._region,
            "AWS_ACCESS_KEY_ID": self._operator.get("AWS_ACCESS_KEY_ID") or "local",
            "AWS_SECRET_ACCESS_KEY": self._operator.get("AWS_SECRET_ACCESS_KEY") or "local",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        if url is None:
            # Profiles of this machine must not affect embedded services.
            variables |= {"AWS_PROFILE": None, "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
        self._open.enter_context(environment({ENDPOINT: None} | variables))
        self.external = _services_at(url) if url else ()
        self.embedded = tuple(service for service in _PROBES if service not in self.external)
        places: dict[str, str | None] = {f"{ENDPOINT}_{service.upper()}": url for service in self.external}
        self._open.enter_context(environment(places))
        if self.embedded:
            self._embed()
        _make_keys(self._template)
        make_tables(self._template)
        _make_bucket(self._template, self._region)
        _make_mail(self._template)
        return self

    def stop(self) -> None:
        self._open.close()

    def serve(self) -> str:
        """Return the URL of the embedded services for other processes."""
        if self._server is None:
            from moto.moto_server import werkzeug_app as moto

            application: Any = moto.DomainDispatcherApplication(moto.create_backend_app)
            self._server = Server().start(application)
            self._open.callback(self._server.stop)
        return self._server.url

    def mails(self) -> list[Any]:
        """Return the e-mails that moto's SES accepted, oldest first; none if SES is not embedded."""
        if "sesv2" not in self.embedded:
            return []
        from moto.ses.models import ses_backends

        backend: Any = ses_backends[ACCOUNT_ID][self._region]
        return list(backend.sent_messages)

    def _embed(self) -> None:
        from moto import mock_aws

        mock = mock_aws(config={"core": {"mock_credentials": False, "reset_boto3_session": True}})
        _make_dynamodb_exact()
        _speed_up_transactions()
        _speed_up_responses()
        _speed_up_queries()
        mock.start()
        self._open.callback(mock.stop)
        self._open.callback(setattr, clients, "connect", clients.connect)
        clients.connect = _connect(clients.connect)


def _make_dynamodb_exact() -> None:
    """Lock moto's DynamoDB, which checks a condition and writes in two steps that other threads can interrupt."""
    from moto.dynamodb.responses import DynamoHandler

    if hasattr(DynamoHandler, "exact"):
        return
    handler: Any = DynamoHandler
    dispatch: Callable[..., Any] = handler._dispatch  # noqa: SLF001 (moto has no public hook)
    lock = threading.Lock()

    def exact(self: Any, *args: Any, **kwargs: Any) -> Any:
        with lock:
            return dispatch(self, *args, **kwargs)

    handler._dispatch = exact  # noqa: SLF001
    handler.exact = True


def _connect(elsewhere: Callable[[str], Send]) -> Callable[[str], Send]:
    """Send requests for AWS's own addresses to moto in this process, and all others to `elsewhere`."""
    from botocore.awsrequest import AWSRequest
    from moto.core.botocore_stubber import BotocoreStubber

    stubber: Any = BotocoreStubber()

    def connect(url: str) -> Send:
        if not f"{urlsplit(url).hostname}".endswith(AMAZON):
            return elsewhere(url)

        def respond(request: Request) -> Response:
            # moto also looks at the path of an address.
            sent = AWSRequest("POST", f"{url}/", headers=dict(request.headers), data=request.body).prepare()
            status, headers, body = stubber.process_request(sent)
            named = {name.lower(): value for name, value in headers.items()}
            return Response(status, body if isinstance(body, bytes) else body.encode(), named.get("x-amzn-requestid"))

        return respond

    return connect


def _speed_up_transactions() -> None:
    """Write transactions of unconditional puts directly.

    moto copies all tables before each transaction, in order to undo it. A put without a condition is never undone.
    """
    from moto.dynamodb.models import DynamoDBBackend

    if hasattr(DynamoDBBackend, "quick"):
        return
    backend: Any = DynamoDBBackend
    transact: Callable[..., None] = backend.transact_write_items

    def quick(self: Any, transact_items: list[dict[str, Any]]) -> None:
        puts = [item["Put"] for item in transact_items if "ConditionExpression" not in item.get("Put", item)]
        if len(puts) < len(transact_items):
            transact(self, transact_items)
            return
        for put in puts:
            self.put_item(put["TableName"], put["Item"])

    backend.transact_write_items = quick
    backend.quick = True


def _speed_up_responses() -> None:
    """Serialize responses with items directly.

    moto follows the service's model member by member, which takes longer than everything else. Items are JSON values
    already, except for bytes.
    """
    from moto.dynamodb.responses import DynamoHandler

    if hasattr(DynamoHandler, "quick"):
        return
    handler: Any = DynamoHandler
    serialized: Callable[..., Any] = handler.serialized

    def quick(self: Any, response: Any) -> Any:
        if isinstance(response.result, Exception) or self._get_action() not in _ITEM_OPERATIONS:
            return serialized(self, response)
        members = cast("dict[str, Any]", response.result).items()
        body = {name: value for name, value in members if value is not None}
        return 200, dict(self.response_headers), json.dumps(body, default=lambda value: b64encode(value).decode())

    handler.serialized = quick
    handler.quick = True


def _speed_up_queries() -> None:
    """Search only the queried partition of a table, and skip sorting the whole table for a query of an index.

    moto sorts and searches all items of the table. The DynamoDB lock is held during a query.
    """
    from moto.dynamodb.models.table import Table

    if hasattr(Table, "quick"):
        return
    table: Any = Table
    query: Callable[..., Any] = table.query
    all_items: Callable[[Any], list[Any]] = table.all_items
    named = signature(query)

    def quick(self: Any, *args: Any, **kwargs: Any) -> Any:
        given = named.bind(self, *args, **kwargs).arguments
        partitions = self.items.values() if given.get("index_name") else [self.items.get(given["hash_key"], {})]
        self.looked_at = [item for items in partitions for item in items.values()]
        try:
            return query(self, *args, **kwargs)
        finally:
            self.looked_at = None

    def looked_at(self: Any) -> list[Any]:
        return all_items(self) if getattr(self, "looked_at", None) is None else self.looked_at

    table.query = quick
    table.all_items = looked_at
    table.quick = True


def _client(service: str, **options: Any) -> Any:
    import boto3

    make = cast("Callable[..., Any]", boto3.client)  # pyright: ignore[reportUnknownMemberType]
    return make(service, **options)


def _services_at(url: str) -> tuple[str, ...]:
    """Return the services that respond at the URL. DynamoDB Local, for example, has no KMS, which is then embedded."""
    from botocore import exceptions
    from botocore.config import Config
    from botocore.parsers import ResponseParserError

    config = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 1})
    services: list[str] = []
    for service, probe in _PROBES.items():
        try:
            probe(_client(service, endpoint_url=url, config=config))
        except (exceptions.ConnectionError, exceptions.HTTPClientError) as error:
            raise AwsUnreachable(f"no server responds at {ENDPOINT}={url}") from error
        except (exceptions.ClientError, exceptions.BotoCoreError, ResponseParserError):
            continue
        services.append(service)
    return tuple(services)


def _make_keys(template: Template) -> None:
    """Create the keys that have an alias, by which an existing key is found. Only AWS itself uses the other keys."""
    from botocore.exceptions import ClientError

    client: KMSClient = _client("kms")
    for _, alias in template.resources("AWS::KMS::Alias"):
        name: str = template.resolve(alias["AliasName"])
        try:
            key = client.describe_key(KeyId=name)["KeyMetadata"]
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "NotFoundException":
                raise
            key = client.create_key(Description=name)["KeyMetadata"]
            client.create_alias(AliasName=name, TargetKeyId=key["KeyId"])
        template.name(alias["TargetKeyId"]["Ref"], key["KeyId"], Arn=key.get("Arn", ""))


def make_tables(template: Template) -> None:
    client: DynamoDBClient = _client("dynamodb")
    for logical_id, properties in template.resources("AWS::DynamoDB::Table"):
        name = f"{template.resolve({'Ref': 'AWS::StackName'})}-{logical_id}"
        # Backups and protection against deletion have no meaning for tables that live as long as this process.
        names = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
        arguments = {key: template.resolve(properties[key]) for key in names if key in properties}
        try:
            client.create_table(TableName=name, **arguments)
        except client.exceptions.ResourceInUseException:
            continue
        finally:
            template.name(logical_id, name)
        client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
        time_to_live = template.resolve(properties["TimeToLiveSpecification"])
        client.update_time_to_live(TableName=name, TimeToLiveSpecification=time_to_live)


def _make_bucket(template: Template, region: str) -> None:
    client: S3Client = _client("s3")
    for logical_id, _ in template.resources("AWS::S3::Bucket"):
        name = f"{template.resolve({'Ref': 'AWS::StackName'})}-{logical_id}".lower()
        options: dict[str, Any] = {}
        if region != "us-east-1":
            options["CreateBucketConfiguration"] = {"LocationConstraint": region}
        with suppress(client.exceptions.BucketAlreadyOwnedByYou, client.exceptions.BucketAlreadyExists):
            client.create_bucket(Bucket=name, **options)
        template.name(logical_id, name, Arn=f"arn:aws:s3:::{name}")


def _make_mail(template: Template) -> None:
    """Create the sender's verified identity, if there is a sender, and the configuration sets for e-mails."""
    from botocore.exceptions import ClientError

    client: SESV2Client = _client("sesv2")
    sender: str = template.resolve({"Ref": "SenderAddress"})
    if sender:
        with suppress(client.exceptions.AlreadyExistsException):
            client.create_email_identity(EmailIdentity=sender)
    for logical_id, _ in template.resources("AWS::SES::ConfigurationSet"):
        name = f"{template.resolve({'Ref': 'AWS::StackName'})}-{logical_id}"
        try:
            client.create_configuration_set(ConfigurationSetName=name)
        except ClientError as error:
            # moto uses the error name of the first SES API.
            if "AlreadyExists" not in error.response.get("Error", {}).get("Code", ""):
                raise
        template.name(logical_id, name)
