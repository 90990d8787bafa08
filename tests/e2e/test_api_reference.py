"""The API reference that `make run` serves at /docs/reference, in a real browser."""

import json

import pytest
from playwright.sync_api import expect

from local.openapi.reference import COMMITTED
from local.stack import LocalStack
from tests.e2e.browser import browser

pytestmark = pytest.mark.slow


def test_reference_lists_and_calls_every_operation(stack: LocalStack) -> None:
    paths = json.loads(COMMITTED.read_text("utf-8"))["paths"]
    with browser() as chromium:
        page = chromium.new_page()
        failed: list[str] = []
        page.on("requestfailed", lambda request: failed.append(request.url))
        page.on("pageerror", lambda error: failed.append(str(error)))
        page.goto(f"{stack.url}/docs/reference")

        expect(page.locator(".opblock")).to_have_count(sum(map(len, paths.values())))
        operation = page.locator("#operations-assistant-generate_summary")
        operation.click()
        operation.get_by_role("button", name="Execute").click()
        expect(operation.locator(".live-responses-table .response-col_status").last).to_have_text("200")

    assert failed == []


def test_reference_serves_only_its_own_files(stack: LocalStack) -> None:
    with browser() as chromium:
        request = chromium.new_context().request
        for name in ("package.json", "..%2Freact%2Fpackage.json", "swagger-ui-bundle.js.map"):
            assert request.get(f"{stack.url}/docs/reference/{name}").status == 404
