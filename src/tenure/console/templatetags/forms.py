"""What is wrong with a field is said beside it, to whoever reads and to whoever listens."""

from __future__ import annotations

from collections.abc import Mapping

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from tenure.console.templatetags.look import icon

register = template.Library()


@register.simple_tag
def marks(errors: Mapping[str, str], name: str, hint: bool = False) -> SafeString:
    """Attributes of a field: `name-hint` and `name-error` describe it, where they are there."""
    wrong = bool(errors.get(name))
    parts = (("hint", hint), ("error", wrong))
    told = " ".join(f"{name}-{what}" for what, is_there in parts if is_there)
    described = format_html(' aria-describedby="{}"', told) if told else SafeString("")
    return described + (SafeString(' aria-invalid="true"') if wrong else SafeString(""))


@register.simple_tag
def wrong(errors: Mapping[str, str], name: str) -> SafeString:
    """What is wrong with it and what to do; nothing where nothing is."""
    message = errors.get(name, "")
    if not message:
        return SafeString("")
    words = format_html("<span>{}</span>", message)
    sign = icon("circle-alert", 14)
    return format_html('<span class="error" id="{}-error">{}{}</span>', name, sign, words)


@register.simple_tag
def marks_at(
    errors: Mapping[str, str], group: str, item: object, part: str = "", hint: bool = False
) -> SafeString:
    """`marks` of one of many: `issuer-0-name`."""
    return marks(errors, _name(group, item, part), hint)


@register.simple_tag
def wrong_at(errors: Mapping[str, str], group: str, item: object, part: str = "") -> SafeString:
    """`wrong` of one of many."""
    return wrong(errors, _name(group, item, part))


def _name(group: str, item: object, part: str) -> str:
    return "-".join(filter(None, (group, str(item), part)))
