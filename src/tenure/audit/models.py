"""The one table of the audit trail. Rows are written once; sealing adds their place in the chain.

The trail refers to its subjects by key, never by foreign key: what it tells has to outlive them.
"""

from __future__ import annotations

from typing import ClassVar, Final

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import models
from django.db.models.functions import Now


class Action(models.TextChoices):
    """Everything that can happen, as an auditor would name it."""

    CONFIGURATION_CHANGED = "configuration.changed", "Configuration changed"
    WRITES_STOPPED = "writes.stopped", "All writes stopped"
    WRITES_RESUMED = "writes.resumed", "Writes resumed"
    BACKED_UP = "backup.made", "Backed up, with the keys of every secret"
    RESTORED = "backup.restored", "Restored from a backup"
    RESTORE_FINISHED = "backup.restore_finished", "Restore finished: sign-in and writes are on"
    IMPORT_FINISHED = "import.finished", "Import finished"
    IMPORT_HELD = "import.held", "Import held"
    IMPORT_APPROVED = "import.approved", "Held import approved"
    WRITTEN_BACK = "person.written_back", "Name written into the HR record"
    WRITE_BACK_FAILED = "person.write_back_failed", "Name not taken by the HR record"
    WRITE_BACK_HELD = "write_back.held", "Writing back held"
    WRITE_BACK_APPROVED = "write_back.approved", "Writing back approved"
    WRITE_BACK_REJECTED = "write_back.rejected", "Writing back rejected"
    WRITE_BACK_RETRIED = "write_back.retried", "Writing back tried again"
    WRITE_BACK_STOPPED = "write_back.stopped", "Writing back stopped: the source refuses us"
    PERSON_ADDED = "person.added", "Person added"
    PERSON_CHANGED = "person.changed", "Person changed"
    PEOPLE_EXPORTED = "people.exported", "List of people taken away as a file"
    SENSITIVE_SEEN = "person.sensitive_seen", "Sensitive values looked at"
    OWN_DATA_TAKEN = "person.data_taken", "Own data taken away as a file"
    AUDIT_EXPORTED = "audit.exported", "Audit trail taken away as a file"
    PERSON_ADMITTED = "person.admitted", "Person has come in for the first time"
    PERSON_TERMINATED = "person.terminated", "Person terminated"
    PERSON_STATE_CHANGED = "person.state_changed", "Lifecycle state changed"
    PERSON_REINSTATED = "person.reinstated", "Termination undone"
    PEOPLE_MERGED = "person.merged", "Two people found to be one"
    PERSON_SPLIT = "person.split", "One person found to be two"
    MERGE_UNDONE = "person.merge_undone", "Merge of two people taken back"
    SPLIT_UNDONE = "person.split_undone", "Split of a person taken back"
    RECORD_JOINED = "person.record_joined", "Record of a source tied to a person"
    REHIRE_ANSWERED = "person.rehire_answered", "Whose a new record is was decided"
    REHIRE_UNDONE = "person.rehire_undone", "Decision whose a record is taken back"
    MATCH_UNSURE = "person.match_unsure", "Not sure whether they are the same person"
    TOLD_APART = "person.told_apart", "Two people said to be two"
    TOLD_APART_UNDONE = "person.told_apart_undone", "That two people are two taken back"
    PERSON_SUSPENDED = "person.suspended", "Person suspended"
    PERSON_RESUMED = "person.resumed", "Suspension ended"
    LEGAL_HOLD_SET = "person.legal_hold_set", "Legal hold set"
    LEGAL_HOLD_ENDED = "person.legal_hold_ended", "Legal hold ended"
    EXCEPTION_ADDED = "exception.added", "Exception decided"
    EXCEPTION_ENDED = "exception.ended", "Exception ended"
    REQUEST_MADE = "request.made", "Access asked for"
    REQUEST_APPROVED = "request.approved", "Request for access approved"
    REQUEST_REJECTED = "request.rejected", "Request for access rejected"
    REQUEST_WITHDRAWN = "request.withdrawn", "Request for access withdrawn"
    REQUEST_EXPIRED = "request.expired", "Request for access that nobody answered"
    REQUEST_CLOSED = "request.closed", "Request for access closed"
    ACCESS_GIVEN_BACK = "request.given_back", "Access given on request given back"
    PLAN_STORED = "plan.stored", "Plan stored"
    PLAN_HELD = "plan.held", "Plan held by a guard"
    PLAN_APPROVED = "plan.approved", "Held operations approved"
    PLAN_REJECTED = "plan.rejected", "Held operations rejected"
    ACCOUNT_CREATED = "account.created", "Account created"
    ACCOUNT_ADOPTED = "account.adopted", "Existing account adopted"
    ACCOUNT_UPDATED = "account.updated", "Account updated"
    ACCOUNT_DISABLED = "account.disabled", "Account disabled"
    ACCOUNT_ENABLED = "account.enabled", "Account enabled"
    ACCOUNT_TRANSFERRED = "account.transferred", "What an account owned handed over"
    ACCOUNT_DELETED = "account.deleted", "Account deleted"
    ACCOUNT_DRIFTED = "account.drifted", "Account changed in the application"
    ACCOUNT_DELETED_THERE = "account.deleted_there", "Account deleted in the application"
    ACCOUNT_UNLINKED = "account.unlinked", "Account unlinked by hand"
    ACCOUNT_IGNORED = "account.ignored", "Account ignored by hand"
    ACCOUNT_PROTECTED = "account.protected", "Account protected by hand"
    ACCOUNT_RELEASED = "account.released", "Account no longer ignored or protected by hand"
    ACCOUNT_WANTED_AGAIN = "account.wanted_again", "Account that was deleted there wanted again"
    ACCOUNT_DISPUTED = "account.disputed", "Several could own an account"
    APPLICATION_TAKEN_OVER = "application.taken_over", "Application taken over"
    ENTITLEMENT_GRANTED = "entitlement.granted", "Entitlement granted"
    ENTITLEMENT_REVOKED = "entitlement.revoked", "Entitlement revoked"
    OPERATION_FAILED = "operation.failed", "Operation failed"
    OPERATION_REPLACED = "operation.replaced", "Operation that was sent before replaced"
    TASK_DONE = "task.done", "Task done by hand"
    REMOVAL_SAID_DONE = "removal.said_done", "Access of a leaver said to be closed, not proven"
    TASK_NOT_DONE = "task.not_done", "Task that could not be done by hand"
    SIGN_OUT_ASKED = "sign_out.asked", "Somebody asked to sign a person out by hand"
    SIGN_OUT_DONE = "sign_out.done", "Person signed out by hand, as somebody says"
    SIGN_OUT_NOT_DONE = "sign_out.not_done", "Person who could not be signed out by hand"
    SIGN_OUT_NOT_NEEDED = "sign_out.not_needed", "Signing out by hand not needed any more"
    RUN_PAUSED = "run.paused", "Run paused"
    RUN_RESUMED = "run.resumed", "Run resumed"
    RUN_CANCELLED = "run.cancelled", "Run cancelled"
    APPLICATION_STOPPED = "application.stopped", "Application does not accept us"
    APPLICATION_RESUMED = "application.resumed", "Application works again"
    APPLICATION_TRIED = "application.tried", "Connection tried with an account of its own"
    APPLICATION_PAUSED = "application.paused", "Writes to an application stopped"
    APPLICATION_UNPAUSED = "application.unpaused", "Writes to an application resumed"
    ADMINISTRATOR_SIGNED_IN = "administrator.signed_in", "Administrator signed in"
    ADMINISTRATOR_SIGNED_OUT = "administrator.signed_out", "Administrator signed out"
    PUSH_TOKEN_ISSUED = "push.token_issued", "Token to push people issued"
    PUSH_TOKEN_REVOKED = "push.token_revoked", "Token to push people revoked"
    SECRET_KEPT = "secret.kept", "Secret entered"
    SECRET_FORGOTTEN = "secret.forgotten", "Secret removed"
    SECRETS_ROTATED = "secret.rotated", "Secrets sealed with a new key"
    SECRETS_BEGUN_ANEW = "secret.begun_anew", "New key in the place of a lost one"
    APPLICATION_AUTHORISED = "application.authorised", "Application authorised"
    AUTHORISATION_ENDED = "application.authorisation_ended", "Authorisation ended"
    SOURCE_AUTHORISED = "source.authorised", "Source authorised"
    SOURCE_AUTHORISATION_ENDED = "source.authorisation_ended", "Authorisation of a source ended"
    TOKENS_GIVEN_BACK = "authorisation.given_back", "Tokens given back after it was removed"
    TOKENS_KEPT_THERE = "authorisation.kept_there", "Tokens of what was removed not given back"
    SIGNAL_RECEIVER_ADDED = "signals.receiver_added", "Receiver of signals added"
    SIGNAL_RECEIVER_REMOVED = "signals.receiver_removed", "Receiver of signals removed"
    SIGNAL_STREAM_OPENED = "signals.stream_opened", "Stream of signals opened"
    SIGNAL_STREAM_CHANGED = "signals.stream_changed", "Stream of signals changed"
    SIGNAL_STREAM_ENDED = "signals.stream_ended", "Stream of signals ended"
    SIGNAL_TRANSMITTER_ADDED = "signals.transmitter_added", "Signals of another system trusted"
    SIGNAL_TRANSMITTER_REMOVED = "signals.transmitter_removed", "Signals no longer trusted"
    SIGNAL_HEARD = "signals.heard", "Told by another system"
    LINK_ISSUED = "administrator.link_issued", "One-time administrator link issued"
    ADMINISTRATOR_INVITED = "administrator.invited", "Administrator invited"
    SIGNED_IN = "person.signed_in", "Signed in"
    SIGNED_OUT = "person.signed_out", "Signed out"
    SIGN_IN_REFUSED = "signin.refused", "Sign-in refused"
    SESSIONS_ENDED = "signin.sessions_ended", "Sessions ended"
    ACCESS_ENDED = "person.access_ended", "Sessions and keys ended"
    PASSKEY_ADDED = "passkey.added", "Passkey added"
    PASSKEY_RENAMED = "passkey.renamed", "Passkey renamed"
    PASSKEY_REMOVED = "passkey.removed", "Passkey removed"
    RECOVERY_CODES_MADE = "recovery_codes.made", "Recovery codes made"
    RECOVERY_CODE_USED = "recovery_codes.used", "Recovery code used"
    INVITATION_SENT = "invitation.sent", "Invited"
    INVITATION_WITHDRAWN = "invitation.withdrawn", "Invitation withdrawn"
    PAIRING_CONFIRMED = "pairing.confirmed", "Phone confirmed a computer"
    WALLET_REFUSED = "identity.wallet_refused", "Answer of a wallet not believed"
    PAIRING_MISMATCHED = "pairing.mismatched", "Number on a phone was not the computer's"
    APPLICATION_SIGN_IN_REFUSED = "application.sign_in_refused", "Sign-in to an application refused"
    APPLICATION_SESSION_ENDED = "application.session_ended", "Session at an application ended"
    NOTICE_DELIVERED = "notice.delivered", "Application told that access ended"
    NOTICE_FAILED = "notice.failed", "Application could not be told"
    SAML_REQUEST_REFUSED = "saml.request_refused", "SAML request refused"
    SAML_METADATA_READ = "saml.metadata_read", "Metadata of an application changed"
    SIGNING_KEY_MADE = "signing_key.made", "New signing key"
    CLIENT_SECRET_MADE = "client_secret.made", "Client secret made"
    CLIENT_SECRET_REVOKED = "client_secret.revoked", "Client secret revoked"
    TOKENS_REVOKED = "tokens.revoked", "Tokens revoked"
    IDENTITY_VERIFIED = "identity.verified", "Identity verified"
    IDENTITY_DOUBTED = "identity.doubted", "Claims were not what HR has"
    IDENTITY_VOUCHED = "identity.vouched", "Identity confirmed by an administrator"
    IDENTITY_REJECTED = "identity.rejected", "Identity rejected by an administrator"


#: What is searched: whom or what it was about, by whom, why.
SEARCHED = SearchVector("subject_label", "actor", "reason", config="simple")


def actions() -> list[tuple[str, str]]:
    """A function, so that a new action needs no migration."""
    return Action.choices


_IN_WORDS: Final = dict(Action.choices)


class Event(models.Model):
    """One thing that happened. `position` and `digest` are given by sealing, seconds later."""

    at = models.DateTimeField(db_default=Now())
    action = models.CharField(max_length=64, choices=actions)
    actor = models.CharField(max_length=200)
    subject_kind = models.CharField(max_length=32)
    subject_key = models.CharField(max_length=200)
    subject_label = models.CharField(max_length=300, blank=True)
    application = models.CharField(max_length=100, blank=True)
    person = models.CharField(max_length=64, blank=True)
    reason = models.TextField(blank=True)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    run = models.BigIntegerField(null=True)
    position = models.BigIntegerField(null=True, unique=True)
    digest = models.BinaryField(null=True, max_length=32)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["person", "-id"], name="event_person"),
            models.Index(
                fields=["application", "-id"],
                condition=~models.Q(application=""),
                name="event_application",
            ),
            models.Index(fields=["action", "-id"], name="event_action"),
            # A person's events are found by `person`.
            models.Index(
                fields=["subject_kind", "subject_key", "-id"],
                condition=~models.Q(subject_kind="person"),
                name="event_subject",
            ),
            models.Index(fields=["at"], name="event_at"),
            models.Index(
                fields=["run", "id"], condition=models.Q(run__isnull=False), name="event_run"
            ),
            GinIndex(SEARCHED, name="event_words"),
            models.Index(
                fields=["id"], condition=models.Q(position__isnull=True), name="event_unsealed"
            ),
        ]

    def get_action_display(self) -> str:
        """In words. Django goes through all choices for it, of which there are a hundred."""
        return _IN_WORDS.get(self.action, self.action)

    def __str__(self) -> str:
        return f"{self.get_action_display()}: {self.subject_label or self.subject_key}"
