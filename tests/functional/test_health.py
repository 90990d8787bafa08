from local.stack import LocalStack
from nexus_ai import __version__
from tests.functional.http_client import ask


def test_health_answers_without_a_token(stack: LocalStack) -> None:
    reply = ask(stack.url, "GET", "/api/health")
    assert reply.status == 200
    assert reply.body == {"status": "ok", "version": __version__, "stage": "local"}
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.headers["X-Request-Id"]
