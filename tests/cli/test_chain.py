"""The audit trail, compared with what was noted of it elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from tenure.audit.models import Action
from tenure.audit.services import record
from tests.cli.conftest import Tenure
from tests.signin.people import person

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_was_noted_is_found_again_or_missed(tenure: Tenure, tmp_path: Path) -> None:
    person()
    for _ in range(2):
        record(Action.PERSON_CHANGED, subject_kind="person", subject_key="1")
    end = tenure("audit", "verify", "--json").document["last"]
    noted = f"{end['position']}:{end['digest'][:16]}"
    said = tenure("audit", "verify", "--noted", noted)
    assert said.code == 0
    assert f"for --noted: {end['position']}:{end['digest']}" in said.out
    receipt = tmp_path / "receipt.json"
    receipt.write_text(tenure("person", "proof", "1", "--json").out, encoding="utf-8")
    assert tenure("audit", "verify", "--receipt", receipt).code == 0
    for wrong, why in (
        (f"{end['position']}:{'0' * 16}", "is another one than what was noted"),
        (f"{end['position'] + 7}:{'0' * 16}", "the trail ends at"),
        ("7", "is no place in the chain"),
        ("7:abc", "16 to 64 signs"),
    ):
        said = tenure("audit", "verify", "--noted", wrong)
        assert (said.code, why in " ".join(said.err.split())) == (1, True), said.err
    receipt.write_text("[]", encoding="utf-8")
    assert "is no receipt" in tenure("audit", "verify", "--receipt", receipt).err
