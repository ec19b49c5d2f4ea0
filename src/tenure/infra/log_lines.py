"""One line of the log for each thing that is told: what others sent (an address, an error of
theirs) begins no line of its own that looks like one of ours (CWE-117). Knows nothing of what is
told."""

from __future__ import annotations

import logging


class LineFormatter(logging.Formatter):
    """Writes what cannot be printed as Python writes it: `\\n`, `\\x1b`. A traceback keeps its
    lines."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        if not record.message.isprintable():
            record.message = "".join(
                c if c.isprintable() else c.encode("unicode_escape").decode()
                for c in record.message
            )
        return super().formatMessage(record)
