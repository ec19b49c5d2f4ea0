"""Beginning: how far the first steps are is told by what is there; the sample company comes and
goes whole; drafts and files are kept as long as they are needed."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import override_settings

from tenure.applications.models import Application
from tenure.audit.models import Event
from tenure.audit.services import acting
from tenure.infra.clock import now
from tenure.people.models import AttributeDefinition, Company, Person, ReservedName
from tenure.rules.models import AccessRule
from tenure.setup import looking, sample, source_drafts, steps, uploads
from tenure.setup.models import Upload
from tenure.setup.tasks import import_now
from tenure.sources.models import Source, SourceRecord

pytestmark = pytest.mark.django_db
CSV = (
    "Employee #,First Name,Last Name,Work Email,Status\n"
    "1,Anna,Kovács,anna@acme.example,Active\n2,Jorge,Ortiz,,Active\n2,Jorge,Ortiz,,Active\n"
).encode()
MAPPING = {
    "employee_number": 'row["Employee #"]',
    "given_name": 'row["First Name"]',
    "family_name": 'row["Last Name"]',
    "email": 'row["Work Email"]',
    "status": 'row["Status"]',
}
DRAFT = {
    "name": "HR file",
    "reader": "csv",
    "mapping": MAPPING,
    "statuses": {"Active": "active"},
}


def hand_in(content: bytes = CSV, name: str = "people.csv", slug: str = "hr") -> None:
    uploads.keep(slug, name, io.BytesIO(content), len(content))


class TestSteps:
    def test_they_are_told_by_what_is_there(self) -> None:
        assert steps.progress().next == steps.Step("company", "Company", done=False, ready=True)
        Company.objects.update_or_create(pk=1, defaults={"domain": "acme.example"})
        Person.objects.create(employee_number="1", display_name="Anna", state="active")
        found = steps.progress()
        assert (found.count, found.finished) == (2, False)
        assert found.next is not None
        assert found.next.key == steps.APPLICATION
        # In another order: the later one is done, and is not ready to be gone to.
        AccessRule.objects.create(slug="r", name="R", condition="true", gives={})
        rule = next(step for step in steps.progress().steps if step.key == steps.RULE)
        assert (rule.done, rule.ready) == (True, False)

    def test_leaving_them_is_recorded_once(self) -> None:
        steps.finish()
        steps.finish()
        assert steps.progress().finished
        assert Event.objects.filter(subject_kind="first_steps").count() == 1


class TestSample:
    @pytest.fixture(autouse=True)
    def home(self, tmp_path: Path) -> Iterator[None]:
        with override_settings(HOME=tmp_path):
            yield

    def test_it_comes_and_goes_whole(self) -> None:
        told = "Make the account by hand, and say so here."
        Application.objects.create(
            slug="mine", name="Mine", connector="manual", settings={"instructions": told}
        )
        AccessRule.objects.create(slug="mine", name="Mine", condition="true", gives={"mine": []})
        sample.make()
        people = Person.objects.count()
        assert people > 50
        assert Application.objects.count() == 4
        assert steps.progress().sample
        assert not Upload.objects.exists()
        with pytest.raises(sample.SampleRefused, match="already"):
            sample.make()
        assert sample.remove() == people
        assert not Person.objects.exists()
        assert not ReservedName.objects.exists()
        assert not SourceRecord.objects.exists()
        assert list(Application.objects.values_list("slug", flat=True)) == ["mine"]
        assert list(AccessRule.objects.values_list("slug", flat=True)) == ["mine"]
        with pytest.raises(sample.SampleRefused, match="no sample"):
            sample.remove()

    def test_people_of_your_own_are_not_mixed_with_it(self) -> None:
        Person.objects.create(employee_number="1", display_name="Anna", state="active")
        with pytest.raises(sample.SampleRefused, match="people already"):
            sample.make()
        assert not Source.objects.exists()


class TestLooking:
    def test_columns_rows_and_what_is_wrong_before_anything_is_taken(self) -> None:
        hand_in()
        source = source_drafts.as_source("hr", DRAFT)
        looked = looking.look(source)
        assert [column.name for column in looked.columns][:2] == ["Employee #", "First Name"]
        assert looked.columns[3].filled == 33, "percent"
        mapped = looking.map_rows(source, looked)
        assert mapped.samples[0].after["family_name"] == "Kovács"
        assert (mapped.looked, mapped.bad) == (3, 1)
        assert "on an earlier line already" in mapped.wrong[0].problem
        result = looking.dry_run(source)
        assert result.counts["added"] == 2
        assert not Person.objects.exists()
        assert not Source.objects.exists()

    def test_what_is_kept_private_is_not_shown_before_it_is_taken_either(self) -> None:
        AttributeDefinition.objects.create(name="born", label="Born", type="date", sensitive=True)
        hand_in(b"No,Name,Birth\n1,Anna,1990-02-03\n2,Jorge,no day\n")
        named = {"employee_number": 'row["No"]', "given_name": 'row["Name"]'}
        source = source_drafts.as_source("hr", {**DRAFT, "mapping": named})
        looked = looking.look(source)
        assert not looking.private_columns(source, looked)
        source.mapping = {**named, "born": 'row["Birth"]', "title": '"born " + row["Birth"]'}
        private = looking.private_columns(source, looked)
        assert private == {"Birth"}
        shown = looked.veiled(private).columns[2]
        assert (shown.samples, shown.private, shown.filled) == ((), True, 100)
        mapped = looking.map_rows(source, looked)
        assert mapped.bad == 1
        assert mapped.samples[0].after["given_name"] == "Anna"
        assert not any(text in str(mapped) for text in ("1990", "no day"))
        source.mapping = {**named, "born": 'row["Birth"'}
        assert looking.private_columns(source, looked) == {"Birth"}, "not finished yet"
        source.mapping = {**named, "born": 'row["Birth"]'}
        source.save()
        other = source_drafts.as_source(
            "hr", {**DRAFT, "mapping": {**named, "title": 'row["Birth"]'}}
        )
        assert "1990" not in str(looking.map_rows(other, looked)), "by what is in force"

    def test_a_mapping_that_names_no_column(self) -> None:
        hand_in()
        wrong = {**DRAFT, "mapping": {**MAPPING, "title": 'row["Job"]'}}
        source = source_drafts.as_source("hr", wrong)
        assert "Job" in looking.map_rows(source, looking.look(source)).problem


class TestDraftsAndFiles:
    def test_a_draft_is_kept_until_it_is_in_force_or_discarded(self) -> None:
        with acting("Ada Byron"):
            source_drafts.save("hr", DRAFT)
            row = source_drafts.save("hr", {**DRAFT, "name": "HR"})
        assert (row.saved_by, row.definition["name"]) == ("Ada Byron", "HR")
        hand_in()
        assert source_drafts.taken("hr")
        source_drafts.discard("hr", with_file=False)
        assert uploads.latest("hr") is not None
        source_drafts.discard("hr")
        assert uploads.latest("hr") is None
        assert not source_drafts.taken("hr")

    @pytest.mark.parametrize(("content", "size"), [(b" \n", 2), (b"a", uploads.LARGEST + 1)])
    def test_what_is_no_file_to_read(self, content: bytes, size: int) -> None:
        with pytest.raises(uploads.UploadRefused):
            uploads.keep("hr", "people.csv", io.BytesIO(content), size)

    def test_a_name_is_only_a_name(self) -> None:
        hand_in(name="../../etc/passwd")
        with uploads.as_file("hr") as path:
            assert path is not None
            assert path.name == "passwd"
            assert path.read_bytes() == CSV
        assert not path.exists()

    def test_nobody_came_back_for_it(self) -> None:
        hand_in()
        assert uploads.tidy() == 0
        Upload.objects.update(uploaded_at=now() - uploads.KEPT - timedelta(minutes=1))
        assert uploads.tidy() == 1

    def test_the_job_reads_it_as_who_asked_and_forgets_the_file(self) -> None:
        hand_in()
        Source.objects.create(slug="hr", **DRAFT)
        import_now(slug="hr", actor="Ada Byron")
        assert Person.objects.count() == 2
        assert Event.objects.filter(action="person.added", actor="Ada Byron").count() == 2
        assert uploads.latest("hr") is None
        import_now(slug="gone", actor="Ada Byron")
