"""What administrators keep for themselves in the console: lists of people as they like to see
them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from tenure.signin.models import User


class SavedView(models.Model):
    """A list of people with its filters and columns, under a name. `query` is the part of the
    address behind the question mark, in canonical form. A shared one is shown to everybody."""

    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="saved_views")
    name = models.CharField(max_length=80)
    query = models.CharField(max_length=2000)
    shared = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering: ClassVar = ["name", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["owner", "name"], name="saved_view_once")
        ]

    def __str__(self) -> str:
        return self.name
