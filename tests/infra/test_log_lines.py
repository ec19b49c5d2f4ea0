"""What others send begins no line of the log."""

from __future__ import annotations

import logging
import logging.config
import sys

from django.conf import settings


def test_what_is_told_is_one_line() -> None:
    told = settings.LOGGING["formatters"]["line"]
    formatter = logging.config.DictConfigurator({"version": 1}).configure_formatter(dict(told))
    record = logging.LogRecord(
        "x", logging.WARNING, __file__, 1, "no %s\x1b", ("a\r\n2026 INFO all is well é",), None
    )
    line = formatter.format(record)
    assert "\n" not in line
    assert "\r" not in line
    assert line.endswith("no a\\r\\n2026 INFO all is well é\\x1b")
    try:
        raise ValueError("odd")
    except ValueError:
        record.exc_info = sys.exc_info()
    assert formatter.format(record).splitlines()[-1] == "ValueError: odd"
