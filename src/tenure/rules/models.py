"""Access rules. A rule names applications and entitlements by slug and key, not by foreign key:
it may be written before what it gives exists, and checking says so."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class AccessRule(models.Model):
    """Who meets `condition` gets everything in `gives`: {application slug: [entitlement key]}."""

    slug = models.SlugField(max_length=100, unique=True)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    condition = models.TextField()
    gives = models.JSONField(default=dict)
    enabled = models.BooleanField(default=True)
    position = models.IntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["position", "slug"]

    def __str__(self) -> str:
        return self.name
