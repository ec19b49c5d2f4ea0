"""Settings: the schema of people's attributes. The standard ones are there for everybody; a company
adds its own, changes their labels, and takes them out where nothing needs them."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_safe
from pydantic import ValidationError

from tenure.configuration import editing
from tenure.configuration.document import Attribute
from tenure.configuration.problems import ConfigurationError
from tenure.configuration.reading import explain
from tenure.console import conflicts, overtaken
from tenure.console.page import ConsoleRequest, missing, render, signed_in
from tenure.core.expressions import AttributeType
from tenure.core.names import slug
from tenure.people.attributes import MAY_BE_PRIVATE, STANDARD
from tenure.people.configuration import custom_attributes
from tenure.signin.permissions import Ability

TYPES = (
    (AttributeType.STRING.value, "Text"),
    (AttributeType.STRINGS.value, "List of texts"),
    (AttributeType.INTEGER.value, "Whole number"),
    (AttributeType.NUMBER.value, "Number"),
    (AttributeType.BOOLEAN.value, "Yes or no"),
    (AttributeType.DATE.value, "Date"),
)


@require_safe
@signed_in()
def attributes(request: ConsoleRequest) -> HttpResponse:
    """All of them."""
    words = dict(TYPES)
    stored = custom_attributes()
    private = {item.name for item in stored if item.sensitive}
    context = {
        "tab": "attributes",
        "own": [(item, words[item.type.value]) for item in stored if item.name not in STANDARD],
        "standard": [
            (name, label, words[kind.value], name in private, name in MAY_BE_PRIVATE)
            for name, (label, kind) in STANDARD.items()
        ],
    }
    return render(request, "console/attributes.html", context, section="settings")


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in(needs=Ability.CONFIGURE)
def attribute(request: ConsoleRequest, name: str = "") -> HttpResponse:
    """One of the company's own: a new one, or changing or removing one. Of a standard one only
    whether it is kept private."""
    stored = editing.plain("attributes", name) if name else None
    standard = name in MAY_BE_PRIVATE
    if name and stored is None and not standard:
        return missing(request, "attribute", section="settings", back="console:attributes")
    fresh = _standard(name) if standard else {"label": "", "type": "string"}
    values = stored or {**fresh, "sensitive": False}
    seen, base = editing.version(stored), conflicts.write(stored)
    errors: dict[str, str] = {}
    new_name = name
    if request.method == "POST":
        seen, base = request.POST.get("seen", ""), request.POST.get("base", "")
        values = {
            "label": request.POST.get("label", "").strip()[:200],
            "type": request.POST.get("type", "string"),
            "sensitive": request.POST.get("sensitive") == "yes",
        }
        if standard:
            values |= _standard(name)
        typed = request.POST.get("name", "").strip()[:64]
        new_name = name or typed or slug(str(values["label"])).replace("-", "_")[:64]
        if request.POST.get("do") != "edit":
            answer = _save(request, new_name, values, seen, base)
            if isinstance(answer, HttpResponse):
                return answer
            errors = answer
    context = {
        "tab": "attributes",
        "name": name,
        "standard": standard,
        "new_name": new_name,
        "values": values,
        "types": TYPES,
        "seen": seen,
        "base": base,
        "errors": errors,
    }
    status = 422 if errors else 200
    return render(request, "console/attribute.html", context, section="settings", status=status)


def _standard(name: str) -> dict[str, object]:
    label, kind = STANDARD[name]
    return {"label": label, "type": kind.value}


def _save(
    request: ConsoleRequest, name: str, values: dict[str, object], seen: str, base: str
) -> HttpResponse | dict[str, str]:
    # A standard one that is not private needs no mention.
    open_to_all = name in MAY_BE_PRIVATE and not values["sensitive"]
    if open_to_all and seen == editing.NOTHING:
        return redirect("console:attributes")
    remove = open_to_all or request.POST.get("do") == "remove"
    try:
        item = None if remove else Attribute.model_validate(values)
        editing.edit("attributes", name, item, seen=seen)
    except ValidationError as error:
        # Of a name that cannot be one, the place is `[key]`.
        places = [(str(one["loc"][-1]), explain(dict(one))) for one in error.errors()]
        return {"name" if at in ("[key]", name) else at: message for at, message in places}
    except ConfigurationError as error:
        return _wrong(name, error)
    except editing.Overtaken as taken:
        if seen == editing.NOTHING:
            return {"name": f"There is an attribute {name} already. Choose another name."}
        mine = editing.as_plain("attributes", item, name) if item else {}
        lines = conflicts.three_ways(conflicts.read(base), taken.now, mine)
        return overtaken.answer(
            request, str(values["label"] or name), lines, taken,
            kind="attribute", keep_url=request.path,
        )  # fmt: skip
    what = "is removed" if remove else "is saved"
    if name in MAY_BE_PRIVATE:
        what = "is not kept private any more" if remove else "is kept private from now on"
    messages.success(request, f"{values['label'] or name} {what}.")
    return redirect("console:attributes")


def _wrong(name: str, error: ConfigurationError) -> dict[str, str]:
    """What is wrong with the name stands at the name; what else needs the attribute, at the top."""
    found: dict[str, str] = {}
    for problem in error.problems:
        if problem.path == f"attributes.{name}":
            found.setdefault("name", problem.message)
        elif problem.path.startswith(f"attributes.{name}."):
            found.setdefault(problem.path.rpartition(".")[2], problem.message)
        else:
            found[""] = f"{found.get('', '')} {problem.path}: {problem.message}".strip()
    return found
