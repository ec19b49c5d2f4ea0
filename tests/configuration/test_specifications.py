"""An application by specification in tenure.yaml: in a file of its own or where it stands."""

from __future__ import annotations

from pathlib import Path

from tenure.configuration.checking import check
from tenure.configuration.reading import read

FILE = """\
name: Tidy
settings: {url: {title: Address, kind: url}}
secrets: {token: {title: Token}}
base_url: "{settings.url}/api"
auth: {kind: bearer}
account: {attributes: {userName: login, emails.work: mail}}
requests:
  list: {request: GET /users}
  get: {request: "GET /users/{id}"}
"""
DOCUMENT = """\
company: {name: Acme}
applications:
  tidy:
    name: Tidy
    connector: rest
    settings:
      spec_file: specs/tidy.yaml
      url: https://tidy.example
    secrets: {token: "${env:TIDY}"}
    mapping: {userName: user.email, emails.work: user.email}
"""
INLINE = DOCUMENT.replace(
    "      spec_file: specs/tidy.yaml\n",
    "      spec:\n" + "".join(f"        {line}\n" for line in FILE.splitlines()),
)


def problems(folder: Path, document: str, specification: str = FILE) -> list[str]:
    (folder / "specs").mkdir(exist_ok=True)
    (folder / "specs" / "tidy.yaml").write_text(specification, encoding="utf-8")
    file = folder / "tenure.yaml"
    file.write_text(document, encoding="utf-8")
    loaded = read(file)
    found = check(loaded.document, marks=loaded.marks).problems
    return [str(problem).replace(f"{folder}/", "") for problem in found]


def test_both_are_right(tmp_path: Path) -> None:
    assert problems(tmp_path, DOCUMENT) == []
    assert problems(tmp_path, INLINE) == []


def test_the_file_is_of_the_folder_of_the_document(tmp_path: Path) -> None:
    problems(tmp_path, DOCUMENT)
    loaded = read(tmp_path / "tenure.yaml")
    assert loaded.document.applications is not None
    settings = loaded.document.applications["tidy"].settings
    assert settings["spec_file"] == str(tmp_path / "specs" / "tidy.yaml")


def test_mistakes_have_a_line(tmp_path: Path) -> None:
    wrong = FILE.replace("GET /users/{id}", "GET /users/{idd}")
    (in_file,) = problems(tmp_path, DOCUMENT, wrong)
    assert in_file.startswith("tenure.yaml:7:18: applications.tidy.settings.spec_file: ")
    assert "specs/tidy.yaml:9:9: requests.get.request: There is no name or function" in in_file
    (inline,) = problems(tmp_path, INLINE.replace("{id}", "{idd}"))
    where = "tenure.yaml:16:26: applications.tidy.settings.spec.requests.get.request: "
    assert inline.startswith(where)


def test_settings_secrets_and_mapping_are_those_of_the_specification(tmp_path: Path) -> None:
    wrong = (
        DOCUMENT.replace("url: https://tidy.example", "ulr: https://tidy.example")
        .replace("{token:", "{tokn:")
        .replace("emails.work: user", "emails.wrk: user")
    )
    told = "\n".join(problems(tmp_path, wrong))
    for text in (
        "applications.tidy.settings.ulr: There is no such name here. Did you mean url? Known: spec",
        "applications.tidy.settings.url: This is missing",
        "applications.tidy.secrets.tokn: There is no such secret. Known: token",
        "applications.tidy.secrets.token: This is missing",
        "emails.wrk: Accounts have no attribute 'emails.wrk' there. Did you mean emails.work?",
    ):
        assert text in told, told


def test_a_specification_is_needed(tmp_path: Path) -> None:
    (told,) = problems(tmp_path, DOCUMENT.replace("      spec_file: specs/tidy.yaml\n", ""))
    assert "Give the specification: `spec` as YAML, or `spec_file` as a file" in told
    (told,) = problems(tmp_path, DOCUMENT.replace("tidy.yaml", "nowhere.yaml"))
    assert "specs/nowhere.yaml: The file cannot be read: No such file" in told
