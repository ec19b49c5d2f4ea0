"""Filters for single sign-on: a leaver's receipt, and the lines of its forms."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from tenure.console import proofs
from tenure.console.single_sign_on_lines import Setting
from tenure.console.templatetags.look import tag
from tenure.core.receipt import Told, Verdict

register = template.Library()


@register.filter
def verdict_tag(verdict: Verdict) -> SafeString:
    """How far the end of something is."""
    mark = proofs.MARKS[verdict]
    return tag(mark.word, mark.meaning)


@register.filter
def told_tag(told: Told) -> SafeString:
    """What became of a message."""
    mark = proofs.TOLD[told]
    return tag(mark.word, mark.meaning)


@register.filter
def exact(at: datetime) -> SafeString:
    """An instant to the second, with its day and zone, as a proof needs it."""
    local = timezone.localtime(at)
    shown = f"{local:%-d %b %Y %H:%M:%S %Z}"
    return format_html('<time datetime="{}">{}</time>', at.isoformat(), shown)


@register.filter
def unfolded(lines: Sequence[Setting]) -> bool:
    """Whether one of the lines that are folded away says something, or is wrong."""
    return any(line.folded and line.speaks for line in lines)
