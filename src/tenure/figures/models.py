"""What was counted, and when."""

from __future__ import annotations

from django.db import models


class Figure(models.Model):
    """A number, or several, by name. There is a row only where counting at once takes too long."""

    name = models.CharField(max_length=100, unique=True)
    value = models.JSONField()
    counted_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
