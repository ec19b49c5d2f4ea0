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
from tenure.console.page import ConsoleRequest, missing, render, signed_in
from tenure.core.expressions import AttributeType
from tenure.core.names import slug
from tenure.people.attributes import STANDARD
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
    context = {
        "tab": "attributes",
        "own": [(item, words[item.type.value]) for item in custom_attributes()],
        "standard": [(name, label, words[kind.value]) for name, (label, kind) in STANDARD.items()],
    }
    return render(request, "console/attributes.html", context, section="settings")


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in(needs=Ability.CONFIGURE)
def attribute(request: ConsoleRequest, name: str = "") -> HttpResponse:
    """One of the company's own: a new one, or changing or removing one."""
    stored = editing.plain("attributes", name) if name else None
    if name and stored is None:
        return missing(request, "attribute", section="settings", back="console:attributes")
    values = stored or {"label": "", "type": "string", "sensitive": False}
    seen = editing.version(stored)
    errors: dict[str, str] = {}
    new_name = name
    if request.method == "POST":
        seen = request.POST.get("seen", "")
        remove = request.POST.get("do") == "remove"
        values = {
            "label": request.POST.get("label", "").strip()[:200],
            "type": request.POST.get("type", "string"),
            "sensitive": request.POST.get("sensitive") == "yes",
        }
        typed = request.POST.get("name", "").strip()[:64]
        new_name = name or typed or slug(str(values["label"])).replace("-", "_")[:64]
        errors = _save(new_name, None if remove else values, seen)
        if not errors:
            what = "is removed" if remove else "is saved"
            messages.success(request, f"{values['label'] or name} {what}.")
            return redirect("console:attributes")
    context = {
        "tab": "attributes",
        "name": name,
        "new_name": new_name,
        "values": values,
        "types": TYPES,
        "seen": seen,
        "errors": errors,
    }
    status = 422 if errors else 200
    return render(request, "console/attribute.html", context, section="settings", status=status)


def _save(name: str, values: dict[str, object] | None, seen: str) -> dict[str, str]:
    try:
        item = Attribute.model_validate(values) if values is not None else None
        editing.edit("attributes", name, item, seen=seen)
    except ValidationError as error:
        return {str(one["loc"][-1]): explain(dict(one)) for one in error.errors()}
    except ConfigurationError as error:
        return {"": " ".join(f"{p.path}: {p.message}" for p in error.problems)}
    except editing.Overtaken:
        return {"": "Somebody else changed it meanwhile. Go back to the list and look again."}
    return {}
