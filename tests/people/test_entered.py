"""What somebody types is made plain as what a source says is."""

from __future__ import annotations

from tenure.core.expressions import AttributeType
from tenure.people.entered import entered


def test_what_is_typed_has_no_invisible_characters_and_one_form() -> None:
    """Copied out of a web page, a number has what nobody sees: it was another number than HR's."""
    given = "\u200b10482\u00a0"
    assert entered("employee_number", given, AttributeType.STRING) == "10482"
    assert entered("family_name", "Kova\u0301cs  Nagy", AttributeType.STRING) == "Kov\u00e1cs Nagy"
    assert entered("start_date", "\u200e2026-12-01", AttributeType.DATE) == "2026-12-01"
