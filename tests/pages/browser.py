"""Headless Chromium for the tests of the pages; what a page must not do there fails the test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from scaler.pages.assets import PAGE

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def browser() -> Iterator[Browser]:
    """The Chromium that is installed; the test is skipped where there is none."""
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed")
    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield opened
        finally:
            opened.close()


def blank_page(opened: Browser, *names: str) -> Any:
    """A blank page with some of the page's scripts, for calling their functions."""
    page = opened.new_page()
    page.evaluate("globalThis.SCALER = {pages: {}}")
    for name in names:
        page.add_script_tag(path=PAGE / "js" / f"{name}.js")
    return page


@contextmanager
def opened_page(opened: Browser, index: Path, **options: Any) -> Iterator[Any]:
    """A page by file://; errors, warnings of the console and requests that leave its folder fail the test.

    Args:
        opened: the browser; the page gets a profile of its own.
        index: the page's file.
        options: of the profile, such as `viewport` and `color_scheme`.
    """
    folder = index.parent.as_uri()
    context = opened.new_context(accept_downloads=True, **options)
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text) if message.type in ("error", "warning") else None)
    page.on("request", lambda request: None if _own(request.url, folder) else wrong.append(request.url))
    page.on("dialog", lambda dialog: wrong.append(f"dialog: {dialog.message}"))
    page.goto(index.as_uri())
    try:
        yield page
        assert not wrong, wrong
    finally:
        context.close()


def _own(url: str, folder: str) -> bool:
    return url.startswith((folder, "data:", "blob:"))


def go(page: Any, **state: str) -> None:
    """Go to another view, and wait until it is there."""
    ready = page.get_attribute("#page", "data-ready")
    page.evaluate("state => SCALER.go(state)", state)
    until(page, "ready => document.getElementById('page').dataset.ready !== ready", ready)


def data(page: Any, key: str) -> Any:
    """The value of one of the page's data files."""
    return page.evaluate("key => SCALER.need(key)", key)


def until(page: Any, condition: str, argument: Any = None) -> None:
    """Wait for a condition; the driver's own waiting is forbidden by the page's content policy."""
    for _ in range(1500):
        if page.evaluate(condition, argument):
            return
        page.wait_for_timeout(20)
    raise AssertionError(f"not within 30 s: {condition}")
