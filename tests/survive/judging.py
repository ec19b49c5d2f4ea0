"""What must be so when everything has come to rest."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from django.db.models import F

from tenure.applications import tallies
from tenure.applications.models import Account, Application, Health
from tenure.audit.models import Action, Event
from tenure.audit.services import seal, verify
from tenure.connectors.memory import MemoryUser
from tenure.core.receipt import Verdict
from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.provisioning.models import Operation
from tenure.signin.models import Session
from tenure.signin.owners import may_come_in
from tenure.sso.receipt import receipt_of
from tests.survive.truth import Life, Policy, Right, Truth
from tests.survive.watching import Judge, Target
from tests.survive.world import World


def rests(world: World) -> list[str]:
    """Everything that is wrong in the end."""
    truth = world.look()
    wrong = compare(world, truth, "in the end", last=True)
    limbo = Counter(Operation.objects.values_list("state", flat=True))
    for state in limbo.keys() - {"done", "cancelled"}:
        wrong.append(f"{limbo[state]} operations are {state}")
    if Application.objects.exclude(health=Health.OK).exists():
        wrong.append("an application is still stopped")
    for slug, target in world.targets.items():
        wrong += _counted_wrong(slug, target)
        wrong += Judge(target, world.timeline, world.claims).judge()
        wrong += _orphans(target, truth.policies[slug])
    return wrong + doors(truth) + receipts(world, truth) + _unproven(world, truth) + audit(world)


#: Somebody is told of what is in these, or it is tried again.
_SAID = ("held", "manual", "retrying", "unknown", "rejected", "failed")


def said(world: World, truth: Truth) -> list[str]:
    """Nothing but sweeps for hours: an account that a leaver still has is one of which somebody
    is told, or that is tried again."""
    wrong, at = [], now()
    stopped = set(Application.objects.exclude(health=Health.OK).values_list("slug", flat=True))
    for person in Person.objects.order_by("pk"):
        left = truth.lives[str(person.uid)].left_at()
        if left is None or left > at - timedelta(hours=1):
            continue
        for slug, target in world.targets.items():
            if not target.honest or truth.policies[slug].removal == "keep" or slug in stopped:
                continue
            shielded = {remote for remote, _, until in target.shields if until is None}
            there = {one.remote_id for one in world.accounts(person, slug) if one.active}
            rows = Operation.objects.filter(person=person, application__slug=slug)
            if there - shielded and not rows.filter(state__in=_SAID).exists():
                wrong.append(f"{person} left {left:%d %H:%M} and nothing says why {slug} is open")
    return wrong


def deletions(truth: Truth) -> list[str]:
    """Nobody is asked, and no worker, to delete what a legal hold keeps."""
    rows = Operation.objects.filter(kind="delete", generation=F("person__generation"))
    waiting = rows.exclude(state__in=["done", "cancelled"]).select_related("person", "application")
    return [
        f"deletion of {row.person} in {row.application.slug} is {row.state}, under legal hold"
        for row in waiting
        if row.person is not None and truth.lives[str(row.person.uid)].hold
    ]


def compare(world: World, truth: Truth, when: str, *, last: bool = False) -> list[str]:
    """Everybody has what they should have, at the application itself."""
    wrong = []
    for person in Person.objects.order_by("pk"):
        for slug in world.targets:
            for what in _differences(world, truth, person, slug, last=last):
                wrong.append(f"{when}: {person} ({person.state}) in {slug}: {what}")
    return wrong


def _differences(world: World, truth: Truth, person: Person, slug: str, *, last: bool) -> list[str]:
    at, uid, target = now(), str(person.uid), world.targets[slug]
    life, policy = truth.lives[uid], truth.policies[slug]
    right = truth.right(uid, slug, at)
    there = world.accounts(person, slug)
    if len(there) > 1:
        return [f"{len(there)} accounts: {there}"]
    user = there[0] if there else None
    held = {
        f"group:{group.name}"
        for group in target.memory.groups.values()
        if user is not None and user.remote_id in group.members
    }
    touched = target.touched.get(user.remote_id, set()) if user else set()
    if not right.inside or not right.open:
        return _too_much(life, policy, right, user, held, last=last)
    if user is None or not user.active:
        return [] if _may_lack(world, truth, uid, slug, touched, user) else ["no open account"]
    wanted = Judge.attributes(life)
    if policy.on_rename == "keep":
        wanted["userName"] = str(user.attributes["userName"])
    found = []
    for name, value in wanted.items():
        left = policy.leaves(name) and touched & {name, "default"}
        if str(user.attributes.get(name, "")) != value and not left:
            found.append(f"{name} is {user.attributes.get(name)}, not {value}")
    left = policy.leaves("entitlements") and touched & {"entitlements", "default"}
    if held != right.groups and not left:
        found.append(f"holds {held}, not {set(right.groups)}")
    return found


def _too_much(
    life: Life,
    policy: Policy,
    right: Right,
    user: MemoryUser | None,
    held: set[str],
    *,
    last: bool,
) -> list[str]:
    """What somebody has who should have no open account."""
    at = now()
    away = right.given and not life.gone(at) and not _is_early(life, policy)
    if user is None or (policy.removal == "keep" and not away):
        return []
    if user.active:
        return ["the account is open"]
    if away:
        return []
    if held:
        return [f"holds {held}"]
    # Who is still to come and had something once keeps it closed.
    if not last or life.hold or policy.transfers or (right.given and not life.gone(at)):
        return []
    return ["the account is still there"] if policy.removal == "delete" else []


def _is_early(life: Life, policy: Policy) -> bool:
    at, starts = now(), life.starts()
    return life.upcoming(at) and starts is not None and at < starts - policy.lead


def _may_lack(
    world: World, truth: Truth, uid: str, slug: str, touched: set[str], user: MemoryUser | None
) -> bool:
    """Whether a policy leaves somebody without an open account to whom rules give one."""
    target, policy = world.targets[slug], truth.policies[slug]
    owners = target.known_owners()
    if user is not None:
        if policy.leaves("active") and touched & {"active", "default"}:
            return True
    elif policy.recreate == "never" and uid in {owners.get(key) for key in target.taken}:
        return True
    for required in policy.requires:
        right = truth.right(uid, required, now())
        person = Person.objects.get(uid=uid)
        opened = [one for one in world.accounts(person, required) if one.active]
        if not right.open or not opened:
            return True
    return False


def _orphans(target: Target, policy: Policy) -> list[str]:
    found = []
    for key in target.orphans & target.memory.users.keys():
        if policy.orphans == "delete":
            found.append(f"{target.slug}: {target.memory.users[key]} is still there")
        if policy.orphans == "disable" and target.memory.users[key].active:
            found.append(f"{target.slug}: {target.memory.users[key]} is still open")
    return found


def _counted_wrong(slug: str, target: Target) -> list[str]:
    """What licences are counted by is what is there."""
    row = Application.objects.get(slug=slug)
    users = target.memory.users.values()
    wrong = []
    opened = sum(item.count for item in tallies.tallies([row.pk]) if item.open and _lives(item))
    there = sum(user.active for user in users)
    if opened != there:
        wrong.append(f"{slug}: {opened} open accounts are counted, {there} are there")
    counted = tallies.holders([row.pk])
    for group in target.memory.groups.values():
        members = sum(user.active for user in users if user.remote_id in group.members)
        if counted.get((row.pk, f"group:{group.name}"), 0) != members:
            wrong.append(f"{slug}: {group.name} has {members} open members, counted {counted}")
    return wrong


def _lives(item: tallies.Tally) -> bool:
    return item.situation.value != "deleted"


def doors(truth: Truth) -> list[str]:
    """Who is gone has no way in, whatever the clock has recorded."""
    wrong, at = [], now()
    for person in Person.objects.order_by("pk"):
        life = truth.lives[str(person.uid)]
        if life.gone(at) or (life.suspended and not life.upcoming(at)):
            if may_come_in(person):
                wrong.append(f"{person} may come in at {at}")
            if Session.objects.filter(person=person, ended_at__isnull=True).exists():
                wrong.append(f"{person} has a session at {at}")
    return wrong


def receipts(world: World, truth: Truth) -> list[str]:
    """What a receipt says to be closed is closed, where nobody else opens anything."""
    wrong, at = [], now()
    for person in Person.objects.order_by("pk"):
        if not truth.lives[str(person.uid)].gone(at):
            continue
        told = {line.application.slug: line.accounts for line in receipt_of(person).lines}
        for slug, target in world.targets.items():
            if not target.honest:
                continue
            opened = {user.remote_id for user in world.accounts(person, slug) if user.active}
            for one in told.get(slug, ()):
                if one.remote_id in opened and one.part.verdict in (Verdict.DONE, Verdict.NOTHING):
                    wrong.append(f"the receipt of {person} for {slug} says {one.part}")
            if opened and not told.get(slug):
                wrong.append(f"the receipt of {person} knows of no account in {slug}")
    return wrong


def _unproven(world: World, truth: Truth) -> list[str]:
    """That somebody's access is gone is proven, where we took it. Where a policy leaves it to them
    nothing is: what was closed before they left, and not answered, is looked at no more."""
    wrong, at = [], now()
    for slug, target in world.targets.items():
        if truth.policies[slug].removal == "keep":
            continue
        ours = {
            item.remote_id
            for item in target.history
            if item.what in ("closed", "deleted") and not target.is_theirs(item)
        }
        last = {
            item.remote_id: target.is_theirs(item)
            for item in target.history
            if item.what in ("closed", "deleted", "opened")
        }
        rows = Account.objects.filter(application__slug=slug, person__isnull=False)
        for row in rows.select_related("person"):
            assert row.person is not None
            gone = truth.lives[str(row.person.uid)].gone(at)
            taken = row.remote_id in ours and not last.get(row.remote_id, True)
            if gone and taken and row.active is False and not row.evidence:
                wrong.append(f"nothing proves that {row} of {row.person} in {slug} is closed")
    return wrong


def audit(world: World) -> list[str]:
    """The trail is whole, tells of every change that we made, and of none that is not there."""
    wrong = []
    while seal():
        pass
    count, broken = verify()
    if broken or count != Event.objects.count():
        wrong.append(f"the chain: {count} of {Event.objects.count()}, {broken}")
    told, sure = _told()
    known = set(Account.objects.values_list("application__slug", "remote_id"))
    for slug, target in world.targets.items():
        happened = set()
        for item in target.history:
            facts = _facts(item.what, item.detail)
            happened |= {(item.remote_id, fact) for fact in facts}
            if target.is_theirs(item):
                continue
            if (slug, item.remote_id) not in known and item.remote_id in target.taken:
                continue  # Made, not yet known here, and deleted there by somebody else.
            for fact in facts:
                if (slug, item.remote_id, fact) not in told:
                    wrong.append(f"the audit does not tell: {slug} {item}: {fact}")
        for where, remote, fact in sure:
            if where == slug and (remote, fact) not in happened:
                wrong.append(f"the audit tells what never was: {slug} {remote}: {fact}")
    return wrong


def _facts(what: str, detail: object) -> list[tuple[str, ...]]:
    """What an auditor has to find about one change there."""
    match what:
        case "updated":
            assert isinstance(detail, dict)
            return [("updated", name, str(value or "")) for name, value in detail.items()]
        case "joined" | "left":
            return [(what, f"group:{detail}")]
        case "handed over" | "signed out":
            return []
    return [(what,)]


_ACTIONS = {
    Action.ACCOUNT_CREATED: "created",
    Action.ACCOUNT_ADOPTED: "created",
    Action.ACCOUNT_DISABLED: "closed",
    Action.ACCOUNT_ENABLED: "opened",
    Action.ACCOUNT_DELETED: "deleted",
}
#: What is told as done by us, and so must have been.
_SURE = {Action.ACCOUNT_CREATED, Action.ACCOUNT_DELETED}
_KINDS = {"create": "created", "disable": "closed", "enable": "opened", "delete": "deleted"}

Fact = tuple[str, str, tuple[str, ...]]


def _told() -> tuple[set[Fact], set[Fact]]:
    """(application, remote id, fact) for everything that the audit trail says was done; and for
    what it says to be done for certain."""
    remote = {str(pk): r for pk, r in Account.objects.values_list("pk", "remote_id")}
    found, sure = set(), set()
    for item in Event.objects.filter(subject_kind="account"):
        facts: list[tuple[str, ...]] = []
        if item.action in _ACTIONS:
            facts.append((_ACTIONS[Action(item.action)],))
        if item.action in (Action.OPERATION_FAILED, Action.OPERATION_REPLACED):
            facts.append((_KINDS.get(item.after["operation"], ""),))
        key = remote.get(item.subject_key, "")
        if item.action in _SURE and key:
            sure |= {(item.application, key, fact) for fact in facts}
        for name, value in (item.after or {}).items():
            if name == "granted":
                facts += [("joined", one) for one in value]
            elif name == "revoked":
                facts += [("left", one) for one in value]
            else:
                facts.append(("updated", name, str(value or "")))
        found |= {(item.application, key, fact) for fact in facts}
    return found, sure
