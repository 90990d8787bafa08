"""All of the service in one process: AWS, the vendors, the token issuer, and the API before its functions."""

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
# Whom alerts come from here. RFC 2606 keeps the domain from being anybody's.
SENDER: Final = "alertas@nexus.example"


class LocalStack:
    """Started, it answers at `url`. One a process: the functions read the environment of the process.

    `operator` is the environment whose variables have a say: provider keys, *_BASE_URL, AWS_ENDPOINT_URL, LOG_LEVEL.
    `built` is the folder of what `sam build` made, where the functions run in Lambda's runtime instead of this process.
    """

    def __init__(self, port: int = 0, operator: Mapping[str, str] | None = None, *, built: Path | None = None) -> None:
        """Raises OSError when the port is taken."""
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
        """Raises AwsUnreachable; what has been started until then is stopped by `stop`."""
        self._open.callback(self.providers.stop)
        self._open.callback(self.issuer.stop)
        self._open.callback(self._server.stop)
        self.issuer.start()
        self._open.callback(self.aws.stop)
        self.aws.start()
        # Names the functions, which some variables are.
        self.functions = self._make_functions()
        gateway = Gateway(self._template, self._region, self.functions)
        invocations = Invocations(self.functions).start()
        self._open.callback(invocations.stop)
        variables = {**self._template.environment(), f"{ENDPOINT}_LAMBDA": invocations.url}
        self._open.enter_context(environment(variables))
        _forget()
        self._open.callback(_forget)
        own = OwnRoutes(self.issuer, self.tenants, self.aws.mails, self.tick, self.variables)
        site = Site()

        def application(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
            if is_own(str(environ["PATH_INFO"])):
                return own(environ, start_response)
            chosen = site if site.has(environ) else gateway
            return chosen(environ, start_response)

        self._server.start(application)
        return self

    def stop(self) -> None:
        self._open.close()

    def lambda_variables(self) -> dict[str, str]:
        """What Lambda and its SDK find in the environment of a function that is another process."""
        kept = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
        return kept | {ENDPOINT: self.aws.serve()}

    def variables(self) -> dict[str, str]:
        """What a function finds in its environment that runs elsewhere; credentials are its own."""
        places = {name: value for name, value in self.lambda_variables().items() if name.startswith(ENDPOINT)}
        return {"AWS_REGION": self._region, **places, **self._template.environment()}

    def tick(self) -> None:
        """One run of the schedule; raises FunctionFailed and FunctionTimedOut."""
        self.functions["MaintainFunction"].invoke({})

    def serve_aws(self) -> str:
        """The URL of the embedded AWS for other processes; links to its objects lead there from now on."""
        url = self.aws.serve()
        if "s3" in self.aws.embedded:
            self._open.enter_context(environment({f"{ENDPOINT}_S3": url}))
            clients.s3.cache_clear()
        return url

    def place(self, provider: ProviderName) -> str:
        """Where a vendor is reached, for people."""
        url = self._places[PROVIDERS[provider].parameter]
        return f"simulated at {url}" if url == self.providers.base_urls()[provider] else url or "its own address"

    def token(self, tenant_id: str, user_id: str = "user-1", roles: Iterable[str] = ("user",), **claims: Any) -> str:
        """A token as /local/token gives it, for a tenant with the demo's providers. `claims` replace those it has."""
        self.tenants.welcome(tenant_id)
        return self.issuer.sign(self.issuer.claims(tenant_id, user_id, roles) | claims)

    def stranger_token(self, tenant_id: str, user_id: str = "user-1", roles: Iterable[str] = ("user",)) -> str:
        """A good token of a tenant for which nothing is configured."""
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
    """Lets settings and clients be made again, for the environment as it is now."""
    get_settings.cache_clear()
    for client in (clients.dynamodb, clients.kms, clients.s3, clients.lambda_, clients.secrets_manager, clients.ses):
        client.cache_clear()
