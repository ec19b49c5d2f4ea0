"""What a document says of wallets: kept without loss, refused where it cannot be carried out."""

from __future__ import annotations

import pytest

from tenure.configuration.applying import apply, diff
from tenure.configuration.exporting import export
from tenure.configuration.reading import read_text
from tenure.people.models import Company
from tests.configuration.samples import GOOD
from tests.configuration.test_checking import problems

KEY = """{kty: EC, crv: P-256, x: b28d4MwZMjw8-00CG4xfnn9SLMVMM19SlqZpVb_uNtQ,
                y: Xv5zWwuoaTgdS6hV43yI6gBwTnjukmFQQnJ_kCxzqk8}"""
WALLET = f"""
  onboarding:
    verify: [name, badge]
    networks: {{Berlin office: [203.0.113.0/24]}}
    wallet:
      types: ["urn:eudi:pid:1"]
      issuers:
        - name: Registry
          iss: https://registry.example
          keys:
            - {KEY}
          status_lists: ["https://registry.example/status/"]
      certificate: "${{file:/etc/tenure/chain.pem}}"
      key: "${{file:/etc/tenure/key.pem}}"
      claims: {{badge: work.badge}}
"""
WHOLE = GOOD.replace("attributes:\n  badge", WALLET.lstrip("\n") + "attributes:\n  badge", 1)


def test_it_is_right() -> None:
    assert [str(one) for one in problems(WHOLE)] == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('key: "${file:/etc/tenure/key.pem}"', 'key: "-----BEGIN"', "A key is never written here"),
        ("claims: {badge: work.badge}", "claims: {phone: tel}", "not asked for by `verify`"),
        ("claims: {badge: work.badge}", "scheme: wallet", "expected one such as openid4vp://"),
        ("verify: [name, badge]", "verify: []", "there is nothing that a wallet could say"),
        ("crv: P-256", "crv: P-1", "EC on P-256 or P-384"),
        ("          keys:\n", "          roots: x\n          keys:\n", "either `keys` or `roots`"),
        ("https://registry.example/status/", "http://registry.example/", "an https address"),
        ("https://registry.example/status/", "https://registry.example", "with a path"),
        ("203.0.113.0/24", "203.0.113.1/24", "has host bits set"),
        ("[203.0.113.0/24]", "[]", "has no addresses"),
    ],
)
def test_what_cannot_be_so_is_said(old: str, new: str, said: str) -> None:
    assert WHOLE.count(old) == 1, old
    assert any(said in str(one) for one in problems(WHOLE.replace(old, new)))


@pytest.mark.django_db
def test_it_is_kept_exported_and_taken_away() -> None:
    apply(read_text(WHOLE, name="tenure.yaml").document)
    kept = Company.objects.get().onboarding["wallet"]
    assert kept["issuers"][0]["status_lists"] == ["https://registry.example/status/"]
    assert kept["required"] is False
    assert diff(read_text(export(), name="tenure.yaml").document) == []
    apply(read_text(GOOD, name="tenure.yaml").document)
    assert Company.objects.get().onboarding["wallet"] is None
