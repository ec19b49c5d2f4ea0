"""Runs and what they had to complain about. Progress is here so that any process can show it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

#: The reason of a run that changed nothing.
DRY_RUN = "dry run"
#: A counter of imports that read only what changed, or single records.
PARTIAL = "partial"


class RunKind(models.TextChoices):
    IMPORT = "import", "Import"
    PLAN = "plan", "Plan"
    RECONCILE = "reconcile", "Reconcile"
    EXECUTE = "execute", "Apply"
    MATCH = "match", "Search for duplicates"


class RunState(models.TextChoices):
    RUNNING = "running", "Running"
    PAUSED = "paused", "Paused"
    HELD = "held", "Held"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


class Run(models.Model):
    """One import, plan, reconciliation, execution or search. `subject` is the slug of what it is
    about."""

    kind = models.CharField(max_length=16, choices=RunKind.choices)
    subject = models.CharField(max_length=100, blank=True)
    state = models.CharField(max_length=16, choices=RunState.choices, default=RunState.RUNNING)
    actor = models.CharField(max_length=200)
    reason = models.TextField(blank=True)
    started_at = models.DateTimeField(db_default=Now())
    touched_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)
    total = models.BigIntegerField(null=True)
    done = models.BigIntegerField(default=0)
    counters = models.JSONField(default=dict)
    message = models.TextField(blank=True)
    #: What it complained about was forgotten then; null: it is there, or there was nothing.
    issues_forgotten_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["kind", "-id"], name="run_kind"),
            models.Index(fields=["subject", "-id"], name="run_subject"),
            models.Index(fields=["kind", "subject", "-id"], name="run_kind_subject"),
            models.Index(fields=["id"], condition=models.Q(state="running"), name="run_running"),
            models.Index(fields=["id"], condition=models.Q(state="paused"), name="run_paused"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.subject}".strip()


class Severity(models.TextChoices):
    ERROR = "error", "Error"
    WARNING = "warning", "Warning"


class RunIssue(models.Model):
    """One thing wrong with one row or account, which did not stop the rest."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="issues")
    severity = models.CharField(max_length=8, choices=Severity.choices)
    line = models.BigIntegerField(null=True)
    key = models.CharField(max_length=300, blank=True)
    message = models.TextField()

    class Meta:
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line else ""
        return f"{where}{self.message}"
