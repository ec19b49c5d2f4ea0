"""What is kept while something is set up: files that were handed in, sources that are not read yet,
and how far an administrator is with the first steps."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from tenure.vault.models import KeptAuthorization


class Upload(models.Model):
    """A file that somebody handed in for a source, the latest one of each. It goes when it was
    imported, or after a week: it holds people's data."""

    source = models.SlugField(max_length=100, unique=True)
    name = models.CharField(max_length=300)
    size = models.BigIntegerField()
    content = models.BinaryField()
    uploaded_by = models.CharField(max_length=200)
    uploaded_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return self.name


class SourceDraft(models.Model):
    """A source that is being set up: `definition` is as the document writes it, perhaps with less
    than it needs."""

    slug = models.SlugField(max_length=100, unique=True)
    definition = models.JSONField(default=dict)
    saved_by = models.CharField(max_length=200)
    saved_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering: ClassVar = ["slug"]

    def __str__(self) -> str:
        return str(self.definition.get("name") or self.slug)


class DraftAuthorization(KeptAuthorization):
    """That a source was authorised by OAuth while it is set up: it is the source's once that is in
    force. The tokens are in the vault."""

    draft = models.OneToOneField(
        SourceDraft, on_delete=models.CASCADE, related_name="authorization"
    )

    def __str__(self) -> str:
        return f"authorisation of {self.draft_id}"


class FirstSteps(models.Model):
    """How far an administrator is: always the row with id 1. `sample`: what was made for trying
    Tenure out, by kind; {} where there is nothing of it."""

    company_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    sample = models.JSONField(default=dict)

    def __str__(self) -> str:
        return "first steps"
