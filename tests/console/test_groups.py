"""Groups by form: made, changed, refused beside their fields, kept while a rule speaks of them."""

from __future__ import annotations

from html import unescape

from django.test import Client

from tenure.rules.groups import group_definitions
from tenure.rules.models import AccessRule
from tests.console.company import Sample
from tests.console.test_company import of_page

LIST, NEW = "/console/groups/", "/console/groups/new/"


def test_a_group_from_its_making_to_its_end(sample: Sample, owner: Client) -> None:
    assert "No group yet" in owner.get(LIST).content.decode()
    form = {**of_page(owner.get(NEW).content.decode()), "do": "save"}
    for name, typed, says in (
        ("name", "", "name-error"),
        ("when", "user.departmnt == 1", "department"),
        ("when", "", "Nobody is in this group"),
    ):
        trial = {**form, "name": "Field sales", "when": "user.department == 'Sales'", name: typed}
        answer = owner.post(NEW, trial)
        assert answer.status_code == 422
        assert says in unescape(answer.content.decode())
    form |= {"name": "Field sales", "when": 'user.department == "Sales"', "people": "10482, 77"}
    looked = owner.post(LIST + "check/", form).content.decode()
    assert "people are in it" in looked
    assert "Nobody has this number yet:</b> 77" in looked
    assert "No rule speaks of it yet" in unescape(
        owner.post(NEW, form, follow=True).content.decode()
    )
    (made,) = group_definitions()
    assert (made.slug, sorted(made.people)) == ("field-sales", ["10482", "77"])
    assert "There is a group field-sales" in owner.post(NEW, form).content.decode()

    page = LIST + "field-sales/"
    form = {**of_page(owner.get(page).content.decode()), "do": "save"}
    AccessRule.objects.filter(slug="designers").update(condition='"field-sales" in user.groups')
    refused = owner.post(page, {**form, "do": "remove"}).content.decode()
    assert "The rule designers still speaks of it" in refused
    assert (
        "worked out anew for Design"
        in owner.post(page, {**form, "people": "10482"}, follow=True).content.decode()
    )
    second = owner.post(page, {**form, "people": "20"})
    assert second.status_code == 409
    assert "Both changed it" in second.content.decode()
    AccessRule.objects.filter(slug="designers").update(condition="true")
    form = {**of_page(owner.get(page).content.decode()), "do": "review"}
    assert "department" in owner.post(page, form | {"when": "user.dept == 1"}).content.decode()
    AccessRule.objects.filter(slug="designers").update(condition='"field-sales" in user.groups')
    looked = owner.post(page, form | {"when": 'user.department == "Finance"', "people": ""})
    shown = looked.content.decode()
    assert "Nothing is saved yet" in shown
    assert "this edit changes" in shown
    assert group_definitions()[0].people == ("10482",)
    saved = {**of_page(shown), "do": "save"}
    assert owner.post(page, saved, follow=True).status_code == 200
    assert group_definitions()[0].condition == 'user.department == "Finance"'
    AccessRule.objects.filter(slug="designers").update(condition="true")
    form = {**of_page(owner.get(page).content.decode()), "do": "remove"}
    assert "is removed" in owner.post(page, form, follow=True).content.decode()
    assert not group_definitions()
