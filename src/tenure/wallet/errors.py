"""What is wrong with an answer. There is one kind: it proves nothing."""

from __future__ import annotations


class NotBelieved(ValueError):
    """str() says what is wrong, for the administrator's record. The wallet is not told."""
