"""Serve a template whose functions return the events that they receive, for tests of the local API Gateway."""

from pathlib import Path
from typing import Any

import yaml

from local.emulator.api_gateway import Gateway
from local.emulator.functions import functions
from local.emulator.server import Server
from local.template import Template

ECHO = """
import json, time

def handler(event, context):
    wanted = json.loads(event["body"] or "{}") if event["httpMethod"] == "POST" else {}
    if wanted.get("raise"):
        raise RuntimeError(wanted["raise"])
    if "answer" in wanted:
        return wanted["answer"]
    if wanted.get("wait"):
        time.sleep(wanted["wait"])
    left = context.get_remaining_time_in_millis()
    shown = {"event": event, "function": context.function_name, "left": left, "request": context.aws_request_id}
    return {"statusCode": 200, "headers": {"X-Shown": "yes"}, "body": json.dumps(shown)}
"""
AUTHORIZER = """
events = []

def handler(event, context):
    events.append(event)
    token = event["authorizationToken"].removeprefix("Bearer ")
    if token == "bad":
        raise Exception("Unauthorized")
    if token == "broken":
        raise RuntimeError("the keys cannot be read")
    if token == "malformed":
        return {"principalId": "ana"}
    effect = "Deny" if token == "denied" else "Allow"
    api, stage = event["methodArn"].split("/")[:2]
    resource = event["methodArn"] if token == "narrow" else f"{api}/{stage}/*/*"
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource}
    return {
        "principalId": "ana",
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": {"tenantId": "acme", "asked": len(events), "admin": True},
    }
"""
PARAMETERS = {
    "TokenIssuer": "https://issuer.example",
    "TokenAudience": "nexus-ai",
    "TokenJwksUrl": "https://issuer.example/keys",
}


def echo_api(folder: Path) -> Server:
    """Start a gateway over the API of template.yaml with echo functions. The test that starts it stops it."""
    template = Template(PARAMETERS, region="us-east-1", path=_template(folder))
    return Server().start(Gateway(template, "us-east-1", functions(template, "us-east-1")))


def _template(folder: Path) -> Path:
    for name, source in (("echo", ECHO), ("gate", AUTHORIZER)):
        (folder / name).mkdir()
        (folder / name / "app.py").write_text(source)
    routes = [("GET", "/api/things"), ("POST", "/api/things"), ("GET", "/api/things/{id}"), ("GET", "/api/things/last")]
    events = {
        f"Route{index}": {"Type": "Api", "Properties": {"Method": method, "Path": path}}
        for index, (method, path) in enumerate(routes)
    }
    public = {"Method": "POST", "Path": "/api/open", "Auth": {"Authorizer": "NONE"}}
    body = Template(PARAMETERS, region="us-east-1").body
    shared: dict[str, Any] = {
        "Handler": "app.handler",
        "Timeout": 1,
        "MemorySize": 128,
        "Environment": {"Variables": {}},
    }
    api = body["Resources"]["Api"]
    kind = "AWS::Serverless::Function"
    echo = {"CodeUri": str(folder / "echo"), "Events": events | {"Open": {"Type": "Api", "Properties": public}}}
    busy_route = {"Method": "POST", "Path": "/api/busy", "Auth": {"Authorizer": "NONE"}}
    # Lambda throttles every call of a function with this reservation.
    busy = {"CodeUri": str(folder / "echo"), "ReservedConcurrentExecutions": 0}
    resources = {
        "Api": api,
        "EchoFunction": {"Type": kind, "Properties": echo},
        "BusyFunction": {
            "Type": kind,
            "Properties": busy | {"Events": {"Busy": {"Type": "Api", "Properties": busy_route}}},
        },
        "AuthorizerFunction": {"Type": kind, "Properties": {"CodeUri": str(folder / "gate")}},
    }
    path = folder / "template.yaml"
    written = {"Parameters": body["Parameters"], "Globals": {"Function": shared}, "Resources": resources}
    path.write_text(yaml.safe_dump(written))
    return path
