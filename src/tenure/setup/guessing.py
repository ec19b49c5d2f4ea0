"""Which column is which attribute: guessed from its name and from what stands in it. A guess is
only shown; a person keeps or corrects it.

Pure: columns and rows are given, and nothing is asked elsewhere.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from tenure.core.cleaning import example
from tenure.core.names import slug

#: Attribute -> names of columns, without spaces, accents and case: what HR systems and people call
#: them, in English, German, French, Spanish and Hungarian.
_NAMES: Final[Mapping[str, str]] = {
    "employee_number": "employeenumber employeeid employeeno empid empno staffid staffnumber "
    "personalnr persnr pernr mitarbeiternr "
    "personnelnumber personnelno personid workerid payrollnumber payrollid id personalnummer "
    "mitarbeiternummer matricule numeroempleado torzsszam dolgozoiazonosito employeecode number no "
    "nr",
    "given_name": "firstname givenname forename first vorname prenom nombre keresztnev "
    "legalfirstname",
    "middle_name": "middlename zweitername deuxiemeprenom segundonombre",
    "family_name": "lastname surname familyname last nachname nom apellido apellidos vezeteknev "
    "legallastname nomdefamille",
    "preferred_name": "preferredname nickname preferredfirstname knownas rufname",
    "display_name": "displayname fullname name employeename anzeigename nomcomplet nombrecompleto "
    "teljesnev",
    "user_name": "username login userid samaccountname benutzername identifiant",
    "email": "email workemail emailaddress mail businessemail companyemail workemailaddress "
    "emailprofessionnel correo dienstlicheemail emailgeschaftlich "
    "geschaftlicheemail emaildienstlich",
    "personal_email": "personalemail privateemail homeemail emailpersonnel correopersonal "
    "privatemail",
    "phone": "phone workphone telephone officephone telefon businessphone",
    "mobile": "mobile mobilephone cell cellphone mobiltelefon handy portable",
    "title": "title jobtitle position positiontitle stellenbezeichnung poste cargo puesto beosztas "
    "jobname",
    "role": "role rolle jobrole",
    "department": "department dept departmentname team abteilung departement service departamento "
    "osztaly orgunit organizationalunit",
    "division": "division businessunit bereich unit",
    "cost_center": "costcenter costcentre kostenstelle centredecouts centrodecosto koltseghely",
    "organization": "organization organisation company legalentity employer firma societe entity",
    "location": "location office site city worklocation standort lieu ubicacion oficina telephely "
    "officelocation workplace",
    "country": "country countrycode land pays pais orszag",
    "time_zone": "timezone tz zeitzone",
    "manager": "manager managerid manageremployeeid manageremployeenumber supervisor supervisorid "
    "reportsto reportstoid vorgesetzter linemanager boss jefe vezeto managernumber",
    "employment_type": "employmenttype employeetype workertype contracttype beschaftigungsart "
    "beschaeftigungsart typedecontrat tipodecontrato type employmentcategory",
    "status": "status employmentstatus employeestatus state workerstatus statut estado allapot "
    "active",
    "start_date": "startdate hiredate dateofhire joiningdate firstday firstworkingday eintritt "
    "eintrittsdatum startingdate datedembauche dateentree fechadeingreso belepesdatuma hired "
    "originalhiredate contractstart",
    "end_date": "enddate lastday lastworkingday terminationdate leavingdate exitdate austritt "
    "austrittsdatum datedesortie fechadebaja kilepesdatuma contractend lastdayofwork",
}  # fmt: skip
_BY_NAME: Final = {
    name.lower(): attribute for attribute, names in _NAMES.items() for name in names.split()
}
#: Forms of dates, the safest first; among those that fit every value the first one is taken.
_DATES: Final = (
    "%Y-%m-%d", "%d.%m.%Y", "%Y/%m/%d", "%Y.%m.%d.", "%Y.%m.%d", "%d/%m/%Y", "%m/%d/%Y",
    "%d-%m-%Y", "%d-%b-%Y", "%d %b %Y", "%b %d, %Y", "%Y%m%d", "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%dT%H:%M:%SZ",
)  # fmt: skip
_BY_EXAMPLE: Final = {example(form): form for form in _DATES}
_ADDRESS: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_MEANINGS: Final[Mapping[str, str]] = {
    "active": "active", "employed": "active", "current": "active", "aktiv": "active",
    "actif": "active", "activo": "active", "aktív": "active", "working": "active", "1": "active",
    "true": "active", "yes": "active", "hired": "active", "a": "active", "preboarding": "active",
    "probation": "active", "notice": "active", "onleave": "on_leave", "leave": "on_leave",
    "loa": "on_leave", "leaveofabsence": "on_leave", "parentalleave": "on_leave",
    "maternityleave": "on_leave", "sabbatical": "on_leave", "elternzeit": "on_leave",
    "beurlaubt": "on_leave", "enconge": "on_leave", "l": "on_leave", "terminated": "left",
    "inactive": "left", "left": "left", "former": "left", "resigned": "left", "dismissed": "left",
    "retired": "left", "ausgeschieden": "left", "inaktiv": "left", "inactif": "left",
    "inactivo": "left", "0": "left", "false": "left", "no": "left", "t": "left", "archived": "left",
}  # fmt: skip
#: Of the values of a column, so many have to look like it.
_ENOUGH: Final = 0.8


def names_line(top: Sequence[tuple[int, Sequence[str]]]) -> int:
    """In which of the first lines the names of the columns seem to be, where that is not the first
    one that has something in it: below a title, or a line of headings over several columns. 0: in
    that one. `top`: number of the line, and its cells."""
    rows = [(line, [cell for cell in cells if cell]) for line, cells in top]
    rows = [(line, cells) for line, cells in rows if cells]
    if not rows:
        return 0
    most = max(len(cells) for _, cells in rows)
    for line, cells in rows:
        if len(cells) * 3 >= most * 2 and _are_names(cells):
            return line if line != rows[0][0] else 0
    return 0


def _are_names(cells: Sequence[str]) -> bool:
    """Whether they could be names of columns: all differ, and none is a number, a day or an
    address."""
    return len(set(cells)) == len(cells) and not any(
        "@" in cell or not any(c.isalpha() for c in cell) for cell in cells
    )


def columns_to_attributes(
    columns: Sequence[str], rows: Sequence[Mapping[str, str]], known: Sequence[str]
) -> dict[str, str]:
    """Column -> attribute, each attribute once; `known` are the attributes that people have, own
    ones among them. Columns of which nothing can be said are left out."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    own = {slug(name).replace("-", ""): name for name in known}
    for column in columns:
        plain = slug(column).replace("-", "")
        attribute = own.get(plain) or _BY_NAME.get(plain)
        if attribute and attribute in known and attribute not in taken:
            found[column] = attribute
            taken.add(attribute)
    for column in columns:
        if column in found:
            continue
        attribute = _by_content(column, [row.get(column, "") for row in rows])
        if attribute and attribute in known and attribute not in taken:
            found[column] = attribute
            taken.add(attribute)
    return found


def expressions(mapped: Mapping[str, str]) -> dict[str, str]:
    """Attribute -> expression over a row, from column -> attribute."""
    return {attribute: cell(column) for column, attribute in mapped.items()}


def cell(column: str) -> str:
    """The expression for one column as it is."""
    return 'row["' + column.replace("\\", "\\\\").replace('"', '\\"') + '"]'


def column_of(expression: str) -> str | None:
    """The column that an expression is, where it is no more than that."""
    found = re.fullmatch(r'\s*row\["((?:[^"\\]|\\["\\])*)"\]\s*', expression)
    return re.sub(r"\\(.)", r"\1", found[1]) if found else None


def example_of(form: str) -> str:
    """How the last day of 2026 is written in this form, where `form_of` knows the form by that;
    otherwise the form itself."""
    shown = example(form)
    return shown if _BY_EXAMPLE.get(shown) == form else form


def form_of(text: str) -> str:
    """The form in which the last day of 2026 is written so; a form itself is what it is."""
    return _BY_EXAMPLE.get(text, text)


def date_forms(values: Sequence[str]) -> list[str]:
    """The forms in which these dates are written: one that fits all of them, or else several that
    together do. Empty where the usual one (2026-12-31) is meant or nothing fits."""
    texts = [text for value in values if (text := value.strip())]
    fitting = {form: [text for text in texts if _is(text, form)] for form in _DATES}
    for form, fits in fitting.items():
        if texts and len(fits) == len(texts):
            return [] if form == _DATES[0] else [form]
    chosen: list[str] = []
    rest = set(texts)
    for form, fits in sorted(fitting.items(), key=lambda item: -len(item[1])):
        if rest & set(fits):
            chosen.append(form)
            rest -= set(fits)
    return chosen


def ambiguous(values: Sequence[str], forms: Sequence[str]) -> bool:
    """Whether days and months could be the other way round in every date of one of the forms."""
    twin = {"%d/%m/%Y": "%m/%d/%Y", "%m/%d/%Y": "%d/%m/%Y"}
    for form in forms:
        texts = [text for value in values if _is(text := value.strip(), form)]
        if texts and form in twin and all(_is(text, twin[form]) for text in texts):
            return True
    return False


def lost_zeros(values: Sequence[str]) -> tuple[str, str] | None:
    """Of numbers that have one length, some with zeros in front, one that is shorter and looks as
    if a spreadsheet had dropped them; and what it would be with them."""
    numbers = [text for value in values if (text := value.strip()).isdecimal()]
    lengths = Counter(map(len, numbers)).most_common(1)
    if not lengths:
        return None
    usual, count = lengths[0]
    zeros = any(len(text) == usual and text.startswith("0") for text in numbers)
    shorter = next((text for text in numbers if len(text) < usual and text[0] != "0"), "")
    if not (zeros and shorter and count >= _ENOUGH * len(numbers)):
        return None
    return shorter, shorter.zfill(usual)


def padded(column: str, length: int) -> str:
    """The expression for a column of numbers with zeros in front, up to this length. What is no
    shorter, or no number, stays as it is."""
    place, zeros = f"{cell(column)}.trim()", "0" * length
    shorter = f'{place}.matches("^[0-9]{{1,{length - 1}}}$")'
    return f'{shorter} ? "{zeros}".substring(size({place})) + {place} : {place}'


def statuses(values: Sequence[str]) -> dict[str, str]:
    """Value -> what it means, "" where it is not known; the most frequent first."""
    counts = Counter(text for value in values if (text := value.strip()))
    return {
        value: _MEANINGS.get(re.sub(r"[\W_]+", "", value).casefold(), "")
        for value, _ in counts.most_common(40)
    }


def _by_content(column: str, values: Sequence[str]) -> str:
    texts = [text for value in values if (text := value.strip())]
    if not texts:
        return ""
    addresses = sum(1 for text in texts if _ADDRESS.fullmatch(text))
    if addresses >= _ENOUGH * len(texts):
        return "email"
    words = set(slug(column).split("-"))
    if any(form for form in _DATES if sum(_is(t, form) for t in texts) >= _ENOUGH * len(texts)):
        if words & {"start", "hire", "hired", "join", "joined", "joining", "entry", "from"}:
            return "start_date"
        if words & {"end", "last", "leave", "leaving", "exit", "termination", "until", "to"}:
            return "end_date"
    return ""


def _is(text: str, form: str) -> bool:
    try:
        datetime.strptime(text, form)  # noqa: DTZ007 - a day has no zone
    except ValueError:
        return False
    return True
