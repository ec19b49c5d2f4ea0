"""Sources and their records. A record is one row as last read, mapped to attributes."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from tenure.people.models import Person
from tenure.vault.models import KeptAuthorization


class Absence(models.TextChoices):
    """What it means that a row of a full read is no longer there."""

    IGNORE = "ignore", "Nothing: the person stays"
    LEAVE = "leave", "The person has left"


class Source(models.Model):
    """One place that people come from. `mapping` is attribute -> expression over `row`."""

    slug = models.SlugField(max_length=100, unique=True)
    name = models.CharField(max_length=200)
    reader = models.CharField(max_length=32)
    #: The entry of the catalogue that it was made from.
    catalogue_entry = models.CharField(max_length=100, blank=True)
    settings = models.JSONField(default=dict)
    #: name -> reference, `${env:NAME}`; never values.
    secrets = models.JSONField(default=dict)
    #: How it is authorised by OAuth, as connectors.oauth.OAuthSettings; {} where it is not.
    oauth = models.JSONField(default=dict)
    #: secret -> its last day, ISO 8601, for those that die by themselves.
    expires = models.JSONField(default=dict)
    mapping = models.JSONField(default=dict)
    #: Forms in which dates are written, `strptime` style, tried in order.
    dates = models.JSONField(default=list)
    #: value in the source's `status` -> "active", "on_leave" or "left".
    statuses = models.JSONField(default=dict)
    absence = models.CharField(max_length=16, choices=Absence.choices, default=Absence.IGNORE)
    #: {"leavers": {"percent", "floor", "most", "window"}, "changes", "missing"}; see core.guard.
    #: What is not given has its default.
    guard = models.JSONField(default=dict)
    #: [[attribute, ...], ...]: whoever has left and is the same in all of one may be who comes
    #: under a new employee number; see `asking`.
    rehire = models.JSONField(default=list)
    #: [{"record": attribute, "person": attribute}, ...], in order: by what a record is tied to
    #: somebody who is known; see core.acquaintance. Empty: by the employee number alone.
    correlation = models.JSONField(default=list)
    #: [[attribute, ...], ...]: whoever is alike in all of one may be the same person; it is asked.
    suggest = models.JSONField(default=list)
    #: {attribute: {"table": {theirs: ours}, "others": "keep"|"error", "otherwise": text}}.
    value_tables = models.JSONField(default=dict)
    #: {attribute: ["lower", "phone", ...]}; see core.tidying.
    clean = models.JSONField(default=dict)
    #: The country of telephone numbers that name none, ISO 3166.
    region = models.CharField(max_length=2, blank=True)
    #: {location: IANA zone}, for people whose row names no time zone.
    time_zones = models.JSONField(default=dict)
    #: What the attribute `manager` holds: "employee_number", "id" (the source's own), "email".
    manager_by = models.CharField(max_length=16, default="employee_number")
    #: Attributes for which it goes before all other sources, whatever its place.
    first_for = models.JSONField(default=list)
    #: {"email": column, "user_name": column}: what of a person is written into their record there.
    write_back = models.JSONField(default=dict)
    #: Somebody stays as long as one such source has them.
    authoritative = models.BooleanField(default=False)
    #: A source that can say what changed is read whole so often all the same.
    full_every = models.DurationField(default=timedelta(days=1))
    #: Where the next import of what changed goes on, and the digest of what it was read with: a
    #: source that is read otherwise is read whole.
    cursor = models.TextField(blank=True)
    cursor_of = models.BinaryField(max_length=16, default=b"")
    read_at = models.DateTimeField(null=True)
    read_whole_at = models.DateTimeField(null=True)
    #: {"every": seconds}, {"cron": "0 6 * * 1-5"}, {"continuous": true}; {}: by hand.
    schedule = models.JSONField(default=dict)
    due_at = models.DateTimeField(null=True)
    #: Imports that failed in a row, since when, and the sentence of the last one.
    failures = models.IntegerField(default=0)
    failed_at = models.DateTimeField(null=True)
    failed_reason = models.TextField(blank=True)
    position = models.IntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["position", "slug"]

    def __str__(self) -> str:
        return self.name


class SourceAuthorization(KeptAuthorization):
    """That a source was authorised by OAuth. The tokens are in the vault."""

    source = models.OneToOneField(Source, on_delete=models.CASCADE, related_name="authorization")

    def __str__(self) -> str:
        return f"authorisation of {self.source_id}"


class SourceRecord(models.Model):
    """One row of a source. `digest` covers what of the row the mapping uses, and the mapping: the
    same digest, no work. `on_leave` and `ended_at` are what the source says of the person's
    status; whether that counts is decided with the person's other records. `written`: what was
    written into it by us last, attribute -> value; see `echoes`."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="records")
    key = models.CharField(max_length=200)
    #: The source's own name for it, "" where it has none.
    remote_id = models.CharField(max_length=300, blank=True)
    digest = models.BinaryField(max_length=16)
    attributes = models.JSONField(default=dict)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="records")
    #: Why it is this person's, where its key is not their employee number: a rule, or what somebody
    #: said.
    tied_by = models.CharField(max_length=300, blank=True)
    line = models.BigIntegerField(null=True)
    present = models.BooleanField(default=True)
    on_leave = models.BooleanField(default=False)
    ended_at = models.DateTimeField(null=True)
    written = models.JSONField(default=dict)
    changed_at = models.DateTimeField(db_default=Now())
    #: When what was pushed made another of the person last, and nobody had approved that.
    moved_at = models.DateTimeField(null=True)
    #: Since when what was pushed waits, because a guard holds it; see `held_pushes`.
    held_at = models.DateTimeField(null=True)
    #: Why its row could not be taken when it was read last, and since when; see `unread`.
    unread = models.TextField(blank=True, db_default="")
    unread_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["source", "key"], name="source_record_once")
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["source", "remote_id"],
                condition=~models.Q(remote_id=""),
                name="source_record_remote",
            ),
            models.Index(
                fields=["source"], condition=~models.Q(tied_by=""), name="source_record_tied"
            ),
            models.Index(
                fields=["source", "moved_at"],
                condition=models.Q(moved_at__isnull=False),
                name="source_record_moved",
            ),
            models.Index(
                fields=["source"],
                condition=models.Q(held_at__isnull=False),
                name="source_record_held",
            ),
            models.Index(
                fields=["source", "unread_at"],
                condition=~models.Q(unread=""),
                name="source_record_unread",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source_id}:{self.key}"


class PushedResource(models.Model):
    """A user or group as it was pushed by SCIM. `uid` is its id there, `name` its userName or
    displayName in lower case, `key` the employee number that the mapping gives it, `former` the one
    that its record has where the newer one waits (see `held_numbers`)."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="pushed")
    kind = models.CharField(max_length=16)
    uid = models.CharField(max_length=36, unique=True)
    name = models.CharField(max_length=500, blank=True)
    external_id = models.CharField(max_length=500, blank=True)
    key = models.CharField(max_length=200, blank=True)
    former = models.CharField(max_length=200, blank=True, db_default="")
    document = models.JSONField(default=dict)
    version = models.BigIntegerField(default=1)
    created_at = models.DateTimeField()
    modified_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["source", "name"],
                condition=models.Q(kind="User"),
                name="pushed_user_name_once",
            ),
            models.UniqueConstraint(
                fields=["source", "key"],
                condition=~models.Q(key=""),
                name="pushed_key_once",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["source", "kind", "id"], name="pushed_in_order"),
            models.Index(fields=["source", "kind", "name"], name="pushed_name"),
            models.Index(fields=["source", "external_id"], name="pushed_external_id"),
            models.Index(
                fields=["source"], condition=~models.Q(former=""), name="pushed_number_waits"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class Upload(models.Model):
    """The records that a script uploaded last, as JSON, compressed. `complete`: all of them."""

    source = models.OneToOneField(Source, on_delete=models.CASCADE, related_name="upload")
    records = models.BinaryField()
    complete = models.BooleanField(default=False)
    uploaded_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"upload of {self.source_id}"


class Answer(models.TextChoices):
    SAME = "same", "The same person"
    OTHER = "other", "Somebody else"


class RehireQuestion(models.Model):
    """A new record that may be somebody's who is known: who was here before and comes under a new
    employee number, or whom another source has. Until it is answered it is nobody's: no person is
    made of it, and no second account. What was answered is never asked again. Who was not sure is
    kept with why: it is no answer."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="rehires")
    key = models.CharField(max_length=200)
    #: Ids of the people who it could be.
    candidates = models.JSONField(default=list)
    #: Id, as text -> in what they are the same, for those whom another source has: they would have
    #: one record more. The others would come back under a new number.
    found_by = models.JSONField(default=dict)
    #: The row as it was last read; see `asking.kept`.
    row = models.JSONField(default=dict)
    asked_at = models.DateTimeField(db_default=Now())
    answer = models.CharField(max_length=8, choices=Answer.choices, blank=True)
    answered_at = models.DateTimeField(null=True)
    answered_by = models.CharField(max_length=200, blank=True)
    reason = models.TextField(blank=True)
    unsure_at = models.DateTimeField(null=True)
    unsure_by = models.CharField(max_length=200, blank=True)
    unsure_why = models.TextField(blank=True)
    #: Who it is, once answered; and the employee number that they had before.
    person = models.ForeignKey(Person, null=True, on_delete=models.SET_NULL, related_name="rehires")
    former_number = models.CharField(max_length=100, blank=True)
    #: What the answer replaced, for taking it back; see `answering`.
    before = models.JSONField(default=dict)

    class Meta:
        ordering: ClassVar = ["asked_at", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["source", "key"], name="rehire_question_once")
        ]

    def __str__(self) -> str:
        return f"{self.source_id}:{self.key}"


class PersonPair(models.Model):
    """Two people who may be one: found by what they share, or told apart by somebody. That they
    are two is remembered as long as both are known; that they are one is a merge. Where one of
    them was merged with a third, this is said of who they are now: both may be the same person."""

    one = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+")
    other = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+")
    #: In what they are the same, as it was found; the less the rank, the more that says.
    found_by = models.CharField(max_length=500, blank=True)
    rank = models.SmallIntegerField(default=0)
    asked_at = models.DateTimeField(db_default=Now())
    #: "other" or "": not answered.
    answer = models.CharField(max_length=8, choices=Answer.choices, blank=True)
    answered_at = models.DateTimeField(null=True)
    answered_by = models.CharField(max_length=200, blank=True)
    reason = models.TextField(blank=True)
    unsure_at = models.DateTimeField(null=True)
    unsure_by = models.CharField(max_length=200, blank=True)
    unsure_why = models.TextField(blank=True)

    class Meta:
        ordering: ClassVar = ["rank", "id"]
        verbose_name_plural = "questions whether they are another"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["one", "other"], name="person_pair_once")
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["rank", "id"], condition=models.Q(answer=""), name="person_pair_open"
            )
        ]

    def __str__(self) -> str:
        return f"{self.one_id} and {self.other_id}"
