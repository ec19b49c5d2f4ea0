"""The browser and the web server of the browser tests."""

from tests.browser.conftest import address, browser, stranger

__all__ = ["address", "browser", "stranger"]
