"""Values from outside made to mean one thing: tables of values, telephone numbers, countries, case.

A value that cannot be cleaned is left out and told: a wrong telephone number keeps nobody from
their accounts. What a table does not know is kept, refused or replaced, as the table says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache, partial

from tenure.core.cleaning import clean_text


class Cleaning(StrEnum):
    """What can be done to a text."""

    LOWER = "lower"
    UPPER = "upper"
    TITLE = "title"
    PHONE = "phone"
    COUNTRY = "country"
    EMAIL = "email"


class Others(StrEnum):
    """What becomes of a value that a table does not know."""

    KEEP = "keep"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class ValueTable:
    """Values of the source -> ours, without regard to case. `otherwise` takes the place of what is
    not in it, where it is given."""

    table: Mapping[str, str]
    others: Others = Others.KEEP
    otherwise: str = ""
    _folded: dict[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        folded = {clean_text(key).casefold(): value for key, value in self.table.items()}
        object.__setattr__(self, "_folded", folded)

    def of(self, text: str) -> str:
        """Raises `ValueError` for a value that may not be."""
        found = self._folded.get(text.casefold())
        if found is not None:
            return found
        if self.otherwise:
            return self.otherwise
        if self.others is Others.ERROR and text not in self.table.values():
            known = ", ".join(list(self.table)[:20])
            raise ValueError(f"{text!r} is not in the table of values. It knows: {known}.")
        return text


def cleaner(kind: Cleaning, region: str) -> Callable[[str], str]:
    """What does it. `region`: the country of numbers that are written without one, ISO 3166. It
    raises `ValueError` for a text that cannot be cleaned."""
    found: Mapping[Cleaning, Callable[[str], str]] = {
        Cleaning.LOWER: str.lower,
        Cleaning.UPPER: str.upper,
        Cleaning.TITLE: str.title,
        Cleaning.PHONE: partial(phone, region=region),
        Cleaning.COUNTRY: country,
        Cleaning.EMAIL: email,
    }
    return found[kind]


@lru_cache(maxsize=4096)
def phone(text: str, region: str) -> str:
    """E.164: +3615551234, with `;ext=` and the extension where there is one (RFC 3966)."""
    import phonenumbers

    try:
        number = phonenumbers.parse(text, region or None)
    except phonenumbers.NumberParseException:
        hint = (
            "" if region or text.startswith("+") else ": give the source its `region`, such as HU"
        )
        raise ValueError(f"{text!r} is no telephone number{hint}.") from None
    if not phonenumbers.is_possible_number(number):
        raise ValueError(f"{text!r} cannot be a telephone number: it is too long or too short.")
    plain = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return f"{plain};ext={number.extension}" if number.extension else plain


@lru_cache(maxsize=1024)
def country(text: str) -> str:
    """ISO 3166-1 alpha-2, from that, alpha-3, the number, or the English name."""
    import pycountry

    found = pycountry.countries.get(alpha_2=text.upper()) or pycountry.countries.get(
        alpha_3=text.upper()
    )
    if found is None and text.isdigit():
        found = pycountry.countries.get(numeric=text.zfill(3))
    if found is None:
        folded = text.casefold()
        names = ("name", "official_name", "common_name")
        found = next(
            (
                one
                for one in pycountry.countries
                if any(getattr(one, name, "").casefold() == folded for name in names)
            ),
            None,
        )
    if found is None:
        raise ValueError(
            f"{text!r} is no country: expected ISO 3166 (HU, HUN) or its English name. A table "
            "(`values`) may say what it means."
        )
    return str(found.alpha_2)


def is_region(text: str) -> bool:
    """Whether telephone numbers can be read as of this country."""
    import phonenumbers

    return text in phonenumbers.SUPPORTED_REGIONS


def email(text: str) -> str:
    """Without spaces, in small letters."""
    plain = "".join(text.split()).lower().removeprefix("mailto:")
    name, sign, host = plain.rpartition("@")
    if not sign or not name or "." not in host.strip(".") or "@" in name:
        raise ValueError(f"{text!r} is no e-mail address.")
    return plain
