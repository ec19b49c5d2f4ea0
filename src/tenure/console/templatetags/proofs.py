"""Filters for a leaver's receipt."""

from __future__ import annotations

from django import template
from django.utils.safestring import SafeString

from tenure.console import proofs
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
