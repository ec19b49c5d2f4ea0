"""Generated names: transliteration, candidates in order, and nothing that mail would refuse."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenure.core.names import candidates, fold, slug, transliterate

#: RFC 5321 `Dot-string` of the characters that we use.
LOCAL_PART = re.compile(r"[a-z0-9]([._-]?[a-z0-9])*")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Łukasz", "Lukasz"),
        ("Straße", "Strasse"),
        ("Ørsted", "Orsted"),
        ("Şahin", "Sahin"),
        ("Ðóra Þór", "Dora Thor"),
        ("ırmak İpek", "irmak Ipek"),
        ("Zoe\u0308", "Zoe"),
        ("Москва", "Moskva"),
        ("Νίκος", "Nikos"),
        ("Παπαδόπουλος Ούρσα", "Papadopoulos Oursa"),
        ("北京", "BeiJing"),
        ("Ann 😀", "Ann "),
        ("O'Brien, Jr.", "O'Brien, Jr."),
    ],
)
def test_transliterate(text: str, expected: str) -> None:
    assert transliterate(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("O'Brien", "OBrien"),
        ("O\u2019Brien", "OBrien"),
        ("de la Cruz", "de-la-Cruz"),
        ("José-María", "Jose-Maria"),
        ("J. R. R.", "J.R.R"),
        (" -Ann_ ", "Ann"),
        ("a@b;c", "a-b-c"),
        ("Kaʻa", "Kaa"),
        ("😀", ""),
    ],
)
def test_fold(text: str, expected: str) -> None:
    assert fold(text) == expected


def test_slug() -> None:
    assert slug("Łódź & O'Neill (R&D)") == "lodz-oneill-r-d"


ANN = {
    "given_name": "Ann",
    "middle_name": "Éva",
    "family_name": "O'Neill",
    "employee_number": "E 42",
}


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("{first}.{last}", "ann.oneill"),
        ("{f}.{last}", "a.oneill"),
        ("{first}{l}", "anno"),
        ("{first}.{m}.{last}", "ann.e.oneill"),
        ("{middle}_{last}", "eva_oneill"),
        ("X-{employee_number}", "x-e-42"),
        ("service", "service"),
    ],
)
def test_formats(form: str, expected: str) -> None:
    assert list(candidates([form], ANN)) == [expected]


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("{first}.{m}.{last}", "ann.oneill"),
        ("{middle}.{last}", "oneill"),
        ("{first}{m}.{last}", "ann.oneill"),
        ("{last}-{middle}{n}", "oneill2"),
        ("{last}.{n}", "oneill.2"),
        ("x.{middle}{first}", "xann"),
    ],
)
def test_formats_without_a_middle_name(form: str, expected: str) -> None:
    assert next(candidates([form], {**ANN, "middle_name": ""})) == expected


def test_candidates_come_in_order_and_once() -> None:
    found = list(candidates(["{first}.{last}", "{f}.{last}", "{first}.{last}{n}"], ANN))
    assert found[:4] == ["ann.oneill", "a.oneill", "ann.oneill2", "ann.oneill3"]
    assert found[-1] == "ann.oneill999"
    assert len(found) == len(set(found)) == 2 + 998


@pytest.mark.parametrize(
    ("person", "expected"),
    [
        ({"given_name": "Cher"}, ["cher", "c", "cher2"]),
        ({"family_name": "Sukarno"}, ["sukarno", "sukarno2", "sukarno3"]),
        ({"given_name": "😀", "family_name": "Sukarno"}, ["sukarno", "sukarno2", "sukarno3"]),
        ({}, []),
        ({"given_name": "", "family_name": "'"}, []),
    ],
)
def test_a_part_that_is_empty_leaves_no_separator(
    person: dict[str, str], expected: list[str]
) -> None:
    found = candidates(["{first}.{last}", "{f}.{last}", "{first}.{last}{n}"], person)
    assert list(found)[:3] == expected


def test_a_long_name_is_cut_and_keeps_its_number() -> None:
    person = {"given_name": "a" * 80, "family_name": "b" * 70}
    found = list(candidates(["{first}.{last}{n}"], person))
    assert found[-1].endswith("b999")
    assert all(len(name) <= 64 and "." in name for name in found)
    assert len(found) == 998


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("{nick}", "unknown placeholder {nick}"),
        ("{}", "unknown placeholder {}"),
        ("{first!r}", "unknown placeholder {first}"),
        ("{first:>9}", "unknown placeholder {first}"),
        ("{first.__class__}", "unknown placeholder {first.__class__}"),
        ("{first", "not complete"),
        ("{first}@x.org", "characters that a name cannot have"),
        ("{first} {last}", "characters that a name cannot have"),
        ("", "empty"),
    ],
)
def test_a_format_that_cannot_be_read_is_refused_at_once(form: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        candidates(["{first}", form], ANN)


TEXT = st.text(max_size=30) | st.sampled_from(["van der Berg", "..", "-", "O'", "Ы", "Ünal-Öz"])


@given(TEXT, TEXT, st.sampled_from(["{first}.{last}", "{f}-{m}.{last}{n}", "_{last}.{first}_"]))
@settings(max_examples=300, deadline=None)
def test_every_candidate_is_a_local_part(first: str, last: str, form: str) -> None:
    person = {"given_name": first, "family_name": last}
    found = list(candidates([form], person))
    assert found == list(candidates([form], person))
    assert all(LOCAL_PART.fullmatch(name) and len(name) <= 64 for name in found)
    assert all(a != b for a, b in pairwise(found))
