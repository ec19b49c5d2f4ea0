"""Applications, entitlements and accounts.

An account outlives the remote one as a tombstone (`situation` deleted): evidence, and a stop
against making it again by accident.
"""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from django.db import models
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Coalesce, Lower, Now

from tenure.core.model import (
    ApplicationMode,
    LeaveAction,
    OrphanAction,
    Recreate,
    RemovalAction,
    Situation,
)
from tenure.people.models import OnRename, Person
from tenure.vault.models import KeptAuthorization


class Health(models.TextChoices):
    OK = "ok", "Works"
    STOPPED = "stopped", "Does not accept us"


class TransferTo(models.TextChoices):
    MANAGER = "manager", "Their manager"


class Application(models.Model):
    """One configured target. Secrets are references, `${env:NAME}`, never values."""

    slug = models.SlugField(max_length=100, unique=True)
    name = models.CharField(max_length=200)
    connector = models.CharField(max_length=32)
    catalogue_entry = models.CharField(max_length=100, blank=True)
    colour = models.CharField(max_length=64, blank=True)
    settings = models.JSONField(default=dict)
    secrets = models.JSONField(default=dict)
    #: How it is authorised by OAuth, as connectors.oauth.OAuthSettings; {} where it is not.
    oauth = models.JSONField(default=dict)
    #: secret -> its last day, ISO 8601, for tokens that die by themselves.
    expires = models.JSONField(default=dict)
    #: [{"attribute", "expression", "when": "always"|"create"}], in the order they are shown.
    mapping = models.JSONField(default=list)
    #: [{"account", "person", "case": "fold"|"exact"}], tried in order; see core.correlation.
    matching = models.JSONField(default=list)
    orphans = models.CharField(
        max_length=16,
        choices=[(a.value, a.value) for a in OrphanAction],
        default=OrphanAction.REPORT.value,
    )
    #: Conditions over `account`: service accounts that are left out, accounts never touched.
    ignore = models.JSONField(default=list)
    protect = models.JSONField(default=list)
    #: {"default": "restore"|"keep"|"report", attribute: the same}; see core.drift.
    drift = models.JSONField(default=dict)
    #: Entitlement whose holders own the application; the last of them is never taken away.
    keeps_owner = models.CharField(max_length=320, blank=True)
    recreate = models.CharField(
        max_length=16,
        choices=[(r.value, r.value) for r in Recreate],
        default=Recreate.ASK.value,
    )
    mode = models.CharField(
        max_length=16,
        choices=[(m.value, m.value) for m in ApplicationMode],
        default=ApplicationMode.REPORT.value,
    )
    removal = models.CharField(
        max_length=16,
        choices=[(a.value, a.value) for a in RemovalAction],
        default=RemovalAction.DISABLE.value,
    )
    delete_after = models.DurationField(null=True)
    #: Whose what a leaver owns there becomes, before anything is deleted.
    transfer_to = models.CharField(max_length=16, choices=TransferTo.choices, blank=True)
    leave = models.CharField(
        max_length=16,
        choices=[(a.value, a.value) for a in LeaveAction],
        default=LeaveAction.KEEP.value,
    )
    #: "change": the login follows the person; "keep": it stays as it was made.
    on_rename = models.CharField(max_length=16, choices=OnRename.choices, default=OnRename.CHANGE)
    lead = models.DurationField(null=True)
    #: Before the first day an account is made closed, and opened on that day.
    closed_ahead = models.BooleanField(default=False)
    #: Slugs of the applications in which a person must have an open account first.
    requires = models.JSONField(default=list)
    seat_price = models.DecimalField(max_digits=12, decimal_places=4, null=True)
    seat_currency = models.CharField(max_length=3, blank=True)
    #: {"removals": {"percent", "floor", "most", "window"}, "changes", "creates", "failures"}; see
    #: core.guard. What is not given has its default.
    guard = models.JSONField(default=dict)
    #: {"reads", "writes", "burst", "concurrency"}; see connectors.base.Limits.
    limits = models.JSONField(default=dict)
    #: Who does by hand what it cannot do itself ("": an administrator), and after how long such a
    #: task is overdue (None: two days).
    owner = models.CharField(max_length=200, blank=True)
    remind_after = models.DurationField(null=True)
    #: How people may ask for it, as configuration.document_requests; {} where they may not.
    requestable = models.JSONField(default=dict)
    #: How people sign in to it, as configuration.document_sso; {} where not by us.
    single_sign_on = models.JSONField(default=dict)
    #: {"reads", "writes": {"rate", "paused_until"}}: what it taught us; see `pacing`.
    learnt = models.JSONField(default=dict)
    health = models.CharField(max_length=16, choices=Health.choices, default=Health.OK)
    stopped_reason = models.TextField(blank=True)
    stopped_at = models.DateTimeField(null=True)
    probe_at = models.DateTimeField(null=True)
    probes = models.IntegerField(default=0)
    #: The kind of operation that was not accepted; "" where it was opening or reading it.
    stopped_on = models.CharField(max_length=16, blank=True)
    #: Paused by a person: nothing is sent, whatever its health.
    paused_at = models.DateTimeField(null=True)
    paused_reason = models.TextField(blank=True)
    paused_by = models.CharField(max_length=200, blank=True)
    #: How often its accounts are read by themselves; None: never.
    reconcile_every = models.DurationField(
        null=True, default=timedelta(days=1), db_default=timedelta(days=1)
    )
    #: Failures before this were looked at by a person, who let the rest go on.
    failures_since = models.DateTimeField(null=True)
    reconciled_at = models.DateTimeField(null=True)
    #: Names of the attributes that every account was last read with; None: never read, or before
    #: this was kept, so that nobody knows: see `connecting.unread_attributes`.
    read_attributes = models.JSONField(null=True)
    #: How many accounts were there when it was first read, and when a person (or an application
    #: with hardly any) let us write to it.
    found = models.IntegerField(null=True)
    taken_over_at = models.DateTimeField(null=True)
    #: What accounts were last correlated by, as a digest: another means anew.
    correlated_by = models.CharField(max_length=32, blank=True)
    position = models.IntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["position", "slug"]

    def __str__(self) -> str:
        return self.name


class Authorization(KeptAuthorization):
    """That an application was authorised by OAuth. The tokens are in the vault."""

    application = models.OneToOneField(
        Application, on_delete=models.CASCADE, related_name="authorization"
    )

    def __str__(self) -> str:
        return f"authorisation of {self.application_id}"


class EntitlementKind(models.TextChoices):
    GROUP = "group", "Group"
    ROLE = "role", "Role"
    LICENCE = "licence", "Licence"


class Entitlement(models.Model):
    """What an account can hold. `key` is `kind:name` and what rules refer to. Only managed ones
    are ever granted or revoked. `remote_id` is empty until it is found or made there."""

    application = models.ForeignKey(
        Application, on_delete=models.CASCADE, related_name="entitlements"
    )
    kind = models.CharField(max_length=16, choices=EntitlementKind.choices)
    name = models.CharField(max_length=300)
    key = models.CharField(max_length=320)
    remote_id = models.CharField(max_length=300, blank=True)
    managed = models.BooleanField(default=True)
    price = models.DecimalField(max_digits=12, decimal_places=4, null=True)
    currency = models.CharField(max_length=3, blank=True)
    seats = models.IntegerField(null=True)

    class Meta:
        ordering: ClassVar = ["kind", "name", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["application", "key"], name="entitlement_once")
        ]

    def __str__(self) -> str:
        return self.key


class Decided(models.TextChoices):
    LINKED = "linked", "Linked by hand"
    IGNORED = "ignored", "Ignored by hand"


class Account(models.Model):
    """The local record of one account in one application, as last observed."""

    # Those of an application are found by `account_situation`, those of a person by
    # `account_person`.
    application = models.ForeignKey(
        Application, on_delete=models.CASCADE, related_name="accounts", db_index=False
    )
    person = models.ForeignKey(
        Person, null=True, on_delete=models.PROTECT, related_name="accounts", db_index=False
    )
    remote_id = models.CharField(max_length=300)
    user_name = models.CharField(max_length=300, blank=True)
    situation = models.CharField(
        max_length=16, choices=[(s.value, s.value.capitalize()) for s in Situation]
    )
    active = models.BooleanField(null=True)
    attributes = models.JSONField(default=dict)
    #: Keys of the entitlements that it holds, sorted.
    entitlements = models.JSONField(default=list)
    fingerprint = models.BinaryField(max_length=16, default=b"")
    #: Ids of the people who could own it, where it is disputed.
    candidates = models.JSONField(default=list)
    #: Why it is in its situation: the rule that decided, or what a person said.
    situation_reason = models.TextField(blank=True)
    #: What a person decided, which no rule overrules.
    decision = models.CharField(max_length=16, choices=Decided.choices, blank=True)
    #: Ids of the people of whom a person has said that it is not theirs.
    refused = models.JSONField(default=list)
    #: When an account that was there before us was tied to its owner.
    adopted_at = models.DateTimeField(null=True)
    #: What our side last said of each attribute; see core.drift.
    baseline = models.JSONField(default=dict)
    #: Why it is never touched, by a person's word; "" where nobody said so.
    protected = models.CharField(max_length=300, blank=True)
    #: The account whose credentials we use, as the application says.
    own = models.BooleanField(default=False)
    #: Whose it is owns or administers the application, as that says itself.
    owner = models.BooleanField(default=False)
    #: Somebody deleted it in the application; we did not.
    deleted_there = models.BooleanField(default=False)
    #: What may be otherwise than stored, since a request got no answer; see core.model.Observed.
    unsure = models.JSONField(default=list)
    #: Until then something may still arrive there that a dead worker sent: what is done meanwhile
    #: makes nothing sure, and its owner is planned anew afterwards.
    unsure_until = models.DateTimeField(null=True)
    #: {"at", "sent", "answered", "read_back"}: the proof that access is gone.
    evidence = models.JSONField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    observed_at = models.DateTimeField(null=True)
    disabled_at = models.DateTimeField(null=True)
    #: What it owned was handed over.
    transferred_at = models.DateTimeField(null=True)
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["application_id", "user_name", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["application", "remote_id"],
                condition=~models.Q(situation="deleted"),
                name="account_remote_once",
            ),
            models.UniqueConstraint(
                fields=["application", "person"],
                condition=models.Q(situation="linked"),
                name="account_one_per_person",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["person", "application"], name="account_person"),
            models.Index(fields=["application", "user_name", "id"], name="account_user_name"),
            models.Index(fields=["application", "situation", "active"], name="account_situation"),
            models.Index(
                fields=["unsure_until"],
                condition=models.Q(unsure_until__isnull=False),
                name="account_unsure_until",
            ),
            models.Index(
                fields=["application"], condition=~models.Q(unsure=[]), name="account_unsure"
            ),
            models.Index(
                fields=["application"], condition=models.Q(owner=True), name="account_owner"
            ),
            models.Index(
                fields=["application"],
                condition=models.Q(own=True) | ~models.Q(protected=""),
                name="account_protected",
            ),
            # Whether a name is in use already; see `holding`.
            models.Index(Lower("user_name"), name="account_login"),
            models.Index(
                Lower(
                    Coalesce(
                        KeyTextTransform("emails.work", "attributes"),
                        KeyTextTransform("email", "attributes"),
                        models.Value(""),
                    )
                ),
                name="account_address",
            ),
        ]

    def __str__(self) -> str:
        """What it is called there. Where nobody has said, as of an account made by hand, its id is
        only ours, which tells nobody anything: then whose it is."""
        if self.user_name or self.person is None or self.remote_id != str(self.person.uid):
            return self.user_name or self.remote_id
        return self.person.email or self.person.display_name


class AccountTally(models.Model):
    """How many accounts there are, so that nobody has to count them: every statement that writes
    accounts appends what it changed (triggers do it, see migrations 0011 and 0012), and a number is
    the sum of its rows. Nobody waits for anybody: rows are only added, and put together once a
    minute.

    `held` is the key of an entitlement, of which open accounts are counted; "" counts accounts."""

    application_id = models.BigIntegerField()
    situation = models.CharField(max_length=16)
    open = models.BooleanField()
    held = models.CharField(max_length=320, blank=True)
    delta = models.BigIntegerField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["application_id"], name="tally_application")]

    def __str__(self) -> str:
        return f"{self.application_id} {self.situation} {self.held}: {self.delta:+}"


class ConnectionCheck(models.Model):
    """One check of an application's connection: what was tried and how it went. Kept so that any
    process can show how far it is."""

    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="checks")
    #: Whether an account of its own was made, and what it is called there.
    write = models.BooleanField(default=False)
    mark = models.CharField(max_length=64, blank=True)
    actor = models.CharField(max_length=200)
    started_at = models.DateTimeField(db_default=Now())
    touched_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)
    #: [{"what", "outcome", "detail", "seconds"}], as they were done; see connectors.steps.
    steps = models.JSONField(default=list)
    #: Settings that would fit better, why, and what could not be removed there.
    settings = models.JSONField(default=dict)
    notes = models.JSONField(default=list)
    left = models.JSONField(default=list)
    #: Why it ended before it was done.
    message = models.TextField(blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [models.Index(fields=["application", "-id"], name="check_application")]

    def __str__(self) -> str:
        return f"Connection check of {self.application}"
