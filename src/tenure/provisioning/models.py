"""Operations: one durable change to one account, from intent to outcome; and what planning has
to remember of people from one plan to the next.

The row is written before anything is sent and settled after, so that a crash at any moment leaves
a row that says what may have happened.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from tenure.applications.models import Account, Application
from tenure.core.model import OPEN_STATES, OperationKind, OperationState
from tenure.people.models import Person
from tenure.runs.models import Run


class Operation(models.Model):
    """`generation` is the person's when this was planned: an operation older than what is known
    of the person is planned anew before it is sent. Without a person it is on an account that is
    nobody's (see `orphans`)."""

    application = models.ForeignKey(
        Application, on_delete=models.CASCADE, related_name="operations"
    )
    # Those of a person, and of a run, are found by the indexes that begin with it.
    person = models.ForeignKey(
        Person, null=True, on_delete=models.PROTECT, related_name="operations", db_index=False
    )
    # Stored with the operation that made it, or long before, and never deleted as long as there is
    # an operation of its application: nothing to check.
    account = models.ForeignKey(
        Account,
        null=True,
        on_delete=models.SET_NULL,
        related_name="operations",
        db_index=False,
        db_constraint=False,
    )
    # Made by the transaction that stores its operations, and never deleted: nothing to check.
    run = models.ForeignKey(
        Run,
        null=True,
        on_delete=models.SET_NULL,
        related_name="operations",
        db_index=False,
        db_constraint=False,
    )
    kind = models.CharField(max_length=16, choices=[(k.value, k.value) for k in OperationKind])
    state = models.CharField(
        max_length=16,
        choices=[(s.value, s.value) for s in OperationState],
        default=OperationState.PLANNED.value,
    )
    urgency = models.SmallIntegerField(default=50)
    reason = models.TextField(blank=True)
    #: {attribute: {"from", "to"}}, what is sensitive veiled: see `veiling`.
    attributes = models.JSONField(default=dict)
    #: The sensitive values themselves, sealed, until the operation is settled.
    sealed = models.TextField(default="", db_default="", blank=True)
    grant = models.JSONField(default=list)
    revoke = models.JSONField(default=list)
    #: Whether an account that this makes is open.
    active = models.BooleanField(default=True)
    #: Ids of the applications whose operations for this person have to be done first.
    after = models.JSONField(default=list)
    generation = models.BigIntegerField(default=0)
    #: It closes or deletes an account that is open.
    takes_access = models.BooleanField(default=False)
    #: Steps of this operation that are known to be done, so that a retry does only the rest.
    progress = models.JSONField(default=dict)
    #: {"decided", "by", "reason"}: its person is planned anew once its outcome is known.
    postponed = models.JSONField(null=True)
    hold_reason = models.TextField(blank=True)
    held_at = models.DateTimeField(null=True)
    #: Who approved or rejected it and why. What a person approved does not count for a guard.
    decided_by = models.CharField(max_length=200, blank=True)
    decided_reason = models.TextField(blank=True)
    attempts = models.SmallIntegerField(default=0)
    not_before = models.DateTimeField(null=True)
    error = models.TextField(blank=True)
    evidence = models.JSONField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True)
    #: Since when a person has to do it by hand; see `byhand`.
    asked_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["urgency", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["application", "person", "kind"],
                condition=models.Q(state__in=sorted(s.value for s in OPEN_STATES)),
                name="operation_open_once",
            ),
            models.UniqueConstraint(
                fields=["account", "kind"],
                condition=models.Q(
                    state__in=sorted(s.value for s in OPEN_STATES), person__isnull=True
                ),
                name="operation_orphan_once",
            ),
        ]
        indexes: ClassVar = [
            # Not `started`: so that nobody can look through all that waits, by this index, for
            # what is under way, which PostgreSQL does where it believes that little waits.
            models.Index(
                fields=["application", "urgency", "id"],
                condition=models.Q(state__in=["planned", "retrying", "unknown"]),
                name="operation_to_do",
            ),
            models.Index(
                fields=["application", "state", "-id"],
                condition=~models.Q(state__in=["done", "cancelled"]),
                name="operation_unsettled",
            ),
            models.Index(
                fields=["application", "person"],
                condition=models.Q(state__in=["started", "unknown", "retrying"]),
                name="operation_busy",
            ),
            models.Index(
                fields=["asked_at"],
                condition=models.Q(state="manual"),
                name="operation_by_hand",
            ),
            models.Index(
                fields=["id"],
                condition=models.Q(postponed__isnull=False),
                name="operation_postponed",
            ),
            models.Index(
                fields=["account"],
                condition=models.Q(account__isnull=False),
                name="operation_account",
            ),
            # Leavers' removals that failed and come back: see `lasting`.
            models.Index(
                fields=["not_before"],
                condition=models.Q(state="failed", not_before__isnull=False),
                name="operation_comes_back",
            ),
            models.Index(
                fields=["application"],
                condition=models.Q(
                    finished_at__isnull=False,
                    state__in=["planned", "retrying", "started", "unknown"],
                ),
                name="operation_came_back",
            ),
            models.Index(fields=["person", "-id"], name="operation_person"),
            models.Index(fields=["run", "state", "kind"], name="operation_run_kinds"),
            models.Index(
                fields=["application", "finished_at"],
                condition=models.Q(state__in=["done", "failed"]),
                name="operation_window",
            ),
            # What guards count: what nobody decided is never much more than they allow.
            models.Index(
                fields=["application", "kind", "person"],
                condition=models.Q(
                    decided_by="",
                    state__in=["held", "manual", "planned", "retrying", "started", "unknown"],
                ),
                name="operation_undecided",
            ),
            models.Index(
                fields=["application", "finished_at"],
                condition=models.Q(decided_by="", state="done"),
                name="operation_done_undecided",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.application_id}/{self.person_id}"


class Remark(models.Model):
    """What the last plan for a person could not decide in an application, or left as it is there,
    and why. It stands until they are planned again."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="remarks")
    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="remarks")
    message = models.TextField()
    #: It is as a policy says, and only told.
    notice = models.BooleanField()

    def __str__(self) -> str:
        return self.message


class RuleMemory(models.Model):
    """That a person meets, or until lately met, a rule with a grace. `lost_at` None: they do."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="rule_memories")
    rule = models.SlugField(max_length=100)
    lost_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["person", "rule"], name="rule_memory_once")
        ]

    def __str__(self) -> str:
        return f"{self.rule} of {self.person_id}"
