"""The administrator's pages. Included at `/console/`."""

from __future__ import annotations

from django.urls import path

from tenure.console.views import (
    applications,
    audit,
    authorising,
    connection,
    find,
    overview,
    people,
    person,
    plan,
    rehires,
    rules,
    runs,
    settings,
    sources,
    tasks,
    writes,
)

app_name = "console"
urlpatterns = [
    path("", overview.overview, name="overview"),
    path("find/", find.find, name="find"),
    path("people/", people.people, name="people"),
    path("people/<uuid:uid>/", person.person, name="person"),
    path("people/<uuid:uid>/terminate/", person.terminate, name="terminate"),
    path("applications/", applications.applications, name="applications"),
    path("applications/<slug:slug>/", applications.application, name="application"),
    path("applications/<slug:slug>/connection/", connection.connection, name="connection"),
    path("applications/<slug:slug>/connection/live/", connection.live, name="connection_live"),
    path("applications/<slug:slug>/connection/check/", connection.check, name="connection_check"),
    path("applications/<slug:slug>/connection/keep/", connection.keep, name="connection_keep"),
    path("applications/<slug:slug>/reconcile/", applications.reconcile, name="reconcile"),
    path("applications/<slug:slug>/resume/", applications.resume, name="resume"),
    path("applications/<slug:slug>/writes/", applications.writes, name="application_writes"),
    path("applications/<slug:slug>/authorise/", authorising.authorise, name="authorise"),
    path("applications/<slug:slug>/deauthorise/", authorising.deauthorise, name="deauthorise"),
    path("authorised/", authorising.authorised, name="authorised"),
    path("applications/<slug:slug>/retry/", applications.retry, name="retry"),
    path("rules/", rules.rules, name="rules"),
    path("plan/", plan.plan, name="plan"),
    path("plan/lines/", plan.lines, name="plan_lines"),
    path("plan/apply/", plan.apply, name="apply"),
    path("plan/decide/", plan.decide, name="decide"),
    path("tasks/", tasks.tasks, name="tasks"),
    path("tasks/<int:pk>/", tasks.settle, name="settle_task"),
    path("runs/", runs.runs, name="runs"),
    path("runs/<int:pk>/", runs.run, name="run"),
    path("runs/<int:pk>/steer/", runs.steer, name="steer_run"),
    path("runs/<int:pk>/live/", runs.live, name="run_live"),
    path("sources/", sources.sources, name="sources"),
    path("rehires/<int:pk>/", rehires.rehire, name="rehire"),
    path("audit/", audit.audit, name="audit"),
    path("writes/", writes.writes, name="writes"),
    path("appearance/", settings.appearance, name="appearance"),
    path("design/", settings.design, name="design"),
]
