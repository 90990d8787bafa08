"""Run the whole service in one process: AWS, simulated providers, token issuer, API and functions."""

import os
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from local.aws import ENDPOINT, Aws
from local.dev.demo import PROVIDERS, DemoTenants, base_urls
from local.dev.dev_routes import OwnRoutes, is_own
from local.dev.issuer import Issuer
from local.dev.site import Site
from local.emulator.api_gateway import Gateway
from local.emulator.functions import Invocable, functions
from local.emulator.invocations import Invocations
from local.emulator.server import Server
from local.environment import environment
from local.providers.server import SimulatedProviders
from local.template import Template
from nexus_ai.aws import clients
from nexus_ai.platform.settings import get_settings
from nexus_ai.providers.base import ProviderName

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

DEFAULT_REGION: Final = "us-east-1"
# Sender of alerts. RFC 2606 reserves the top-level domain, so that the address cannot exist.
SENDER: Final = "alertas@nexus.example"


class LocalStack:
    """Local stack, which serves the API at `url` once it is started.

    A process can run one stack at a time, because the functions read the environment of the process.
    """

    def __init__(self, port: int = 0, operator: Mapping[str, str] | None = None, *, built: Path | None = None) -> None:
        """Prepare the stack and bind its port.

        Args:
            port: Port of the API; 0 chooses a free one.
            operator: Environment with provider keys, *_BASE_URL, AWS_ENDPOINT_URL and LOG_LEVEL.
            built: Output folder of `sam build`. If given, the functions run in Lambda's runtime, not in this process.

        Raises:
            OSError: The port is in use.
            ValueError: A variable has a value that template.yaml does not allow.
        """
        operator = operator or {}
        self._built = built
        region = operator.get("AWS_REGION") or operator.get("AWS_DEFAULT_REGION") or DEFAULT_REGION
        self._open = ExitStack()
        self._server = Server(port)
        self._region = region
        self.issuer = Issuer()
        self.providers = SimulatedProviders().start()
        self._places = base_urls(operator, self.providers.base_urls())
        parameters = {
            "Stage": "local",
            "LogLevel": operator.get("LOG_LEVEL") or "INFO",
            "SenderAddress": SENDER,
            **self.issuer.parameters(),
            **self._places,
        }
        self._template = Template(parameters, region=region)
        self.aws = Aws(self._template, region, operator)
        self.tenants = DemoTenants(operator)
        self.functions: Mapping[str, Invocable] = {}

    @property
    def url(self) -> str:
        return self._server.url

    def start(self) -> Self:
        """Start all parts. If it fails, `stop` ends those that have started.

        Raises:
            AwsUnreachable: No server responds at AWS_ENDPOINT_URL.
        """
        self._open.callback(self.providers.stop)
        self._open.callback(self.issuer.stop)
        self._open.callback(self._server.stop)
        self.issuer.start()
        self._open.callback(self.aws.stop)
        self.aws.start()
        # Creating the functions gives them names, which some variables contain.
        self.functions = self._make_functions()
        gateway = Gateway(self._template, self._region, self.functions)
        invocations = Invocations(self.functions).start()
        self._open.callback(invocations.stop)
        variables = {**self._template.environment(), f"{ENDPOINT}_LAMBDA": invocations.url}
        self._open.enter_context(environment(variables))
        _forget()
        self._open.callback(_forget)
        dev_routes = OwnRoutes(self.issuer, self.tenants, self.aws.mails, self.tick, self.variables)
        site = Site()

        def application(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
            if is_own(str(environ["PATH_INFO"])):
                return dev_routes(environ, start_response)
            chosen = site if site.has(environ) else gateway
            return chosen(environ, start_response)

        self._server.start(application)
        return self

    def stop(self) -> None:
        self._open.close()

    def lambda_variables(self) -> dict[str, str]:
        """Return the AWS variables for a function that runs in another process."""
        aws_variables = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
        return aws_variables | {ENDPOINT: self.aws.serve()}

    def variables(self) -> dict[str, str]:
        """Return the variables, without credentials, for a function that runs outside this stack."""
        places = {name: value for name, value in self.lambda_variables().items() if name.startswith(ENDPOINT)}
        return {"AWS_REGION": self._region, **places, **self._template.environment()}

    def tick(self) -> None:
        """Run the scheduled function once.

        Raises:
            FunctionFailed: The function has raised an error.
            FunctionTimedOut: The function has exceeded its timeout.
        """
        self.functions["MaintainFunction"].invoke({})

    def serve_aws(self) -> str:
        """Return the URL of the embedded AWS for other processes. From now on links to its S3 objects use this URL."""
        url = self.aws.serve()
        if "s3" in self.aws.embedded:
            self._open.enter_context(environment({f"{ENDPOINT}_S3": url}))
            clients.s3.cache_clear()
        return url

    def place(self, provider: ProviderName) -> str:
        """Return the provider's address as text for a person."""
        url = self._places[PROVIDERS[provider].parameter]
        return f"simulated at {url}" if url == self.providers.base_urls()[provider] else url or "its own address"

    def token(self, tenant_id: str, user_id: str = "user-1", roles: Iterable[str] = ("user",), **claims: Any) -> str:
        """Return a token as /local/token does, for a tenant with the demo providers. `claims` override the default."""
        self.tenants.welcome(tenant_id)
        return self.issuer.sign(self.issuer.claims(tenant_id, user_id, roles) | claims)

    def stranger_token(self, tenant_id: str, user_id: str = "user-1", roles: Iterable[str] = ("user",)) -> str:
        """Return a valid token of a tenant without any configuration."""
        return self.issuer.sign(self.issuer.claims(tenant_id, user_id, roles))

    def _make_functions(self) -> Mapping[str, Invocable]:
        if self._built is None:
            return functions(self._template, self._region)
        from local.emulator.lambda_runtime import built_functions

        made = built_functions(self._built, self._template, self._region, self.lambda_variables)
        for function in made.values():
            self._open.callback(function.stop)
        return made


def _forget() -> None:
    """Clear cached settings and clients, so that they are created again from the current environment."""
    get_settings.cache_clear()
    for client in (clients.dynamodb, clients.kms, clients.s3, clients.lambda_, clients.secrets_manager, clients.ses):
        client.cache_clear()
