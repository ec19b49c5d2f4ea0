"""The kinds of sources that somebody may set up, as they are called and described."""

from __future__ import annotations

from tenure.readers.registry import kinds, reader_class

#: Kinds that are begun by what the catalogue knows of the one system that they are for.
ENTRY_OF = {"google": "google-workspace-people", "microsoft": "microsoft-365-people"}
_TITLES = {
    "csv": "CSV file",
    "google": "Google Workspace",
    "microsoft": "Microsoft Entra ID",
    "mysql": "MySQL or MariaDB",
    "scim": "SCIM service",
    "upload": "JSON upload",
    "excel": "Excel workbook",
    "ldap": "Directory",
    "sql": "Database",
    "rest": "REST interface",
    "push": "SCIM push",
}
_ABOUT = {
    "google": "The people of a Google Workspace, by its Admin SDK.",
    "microsoft": "The people of an Entra ID tenant, by Microsoft Graph.",
    "mysql": "A query of a MySQL or MariaDB database of your own.",
    "scim": "A directory that answers SCIM 2.0: it is asked for its people.",
    "upload": "A script of yours sends records as JSON, with a token.",
    "csv": "The export of an HR system, with one person a line.",
    "excel": "A sheet of a workbook (.xlsx), with one person a row.",
    "ldap": "Active Directory, OpenLDAP or another directory with people in it.",
    "sql": "A query of a database of your own.",
    "rest": "An HR system with an interface: it is asked, and says what changed.",
    "push": "Entra ID, Okta or an HR system sends people here by SCIM 2.0, as they change.",
}
_ICONS = {
    "csv": "file-spreadsheet",
    "excel": "file-spreadsheet",
    "ldap": "folder-tree",
    "sql": "database",
    "google": "building-2",
    "microsoft": "building-2",
    "scim": "users",
    "upload": "upload",
    "rest": "globe",
    "push": "radio",
}


def offered() -> list[str]:
    """The kinds that somebody may want."""
    return [kind for kind in kinds() if kind != "memory"]


def title(kind: str) -> str:
    """What a kind of source is called."""
    return _TITLES.get(kind, kind.replace("_", " ").capitalize())


def about(kind: str) -> str:
    """What it is, in one sentence: of its own description."""
    if kind in _ABOUT:
        return _ABOUT[kind]
    text = (reader_class(kind).__doc__ or "").strip().split("\n\n")[0]
    return " ".join(text.split())


def icon(kind: str) -> str:
    """The picture for it."""
    return _ICONS.get(kind, "database")
