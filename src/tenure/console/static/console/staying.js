// A page that lies open: the server goes away and comes back, the session ends. Nothing that was
// typed is lost by it, and nothing is said more than once.
"use strict";

{
const KEPT = "tenure-typed";
const LATEST_MS = 15000;
const who = document.body.dataset.who ?? "";

// What was typed ------------------------------------------------------------------------------
// It is kept in this tab alone, never what is secret, and comes back to whoever typed it.
const secret = (field) => field.type === "password" || field.name.startsWith("secret-");
const kinds = ["hidden", "file", "submit", "button", "reset", "image"];
const forms = () => [...document.querySelectorAll("main form")].filter((form) => form.method === "post");
const fields = (form) =>
  [...form.elements].filter((each) => each.name && !kinds.includes(each.type) && !secret(each));

function isTyped(field) {
  if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
  if (field.options) {
    const first = [...field.options].some((each) => each.defaultSelected);
    return [...field.options].some((each, i) => each.selected !== (first ? each.defaultSelected : i === 0));
  }
  return field.value !== field.defaultValue;
}

const said = (field) =>
  field.type === "checkbox" || field.type === "radio" ? field.checked : field.value;

function typed() {
  return forms().flatMap((form, at) =>
    fields(form).map((field, place) => [field, at, place]).filter(([field]) => isTyped(field))
      .map(([field, at, place]) => ({ at, place, name: field.name, said: said(field) })));
}

function remember(out) {
  const found = typed();
  if (!who || !found.length) return;
  try {
    sessionStorage.setItem(KEPT, JSON.stringify({ who, path: location.pathname, out, found }));
  } catch {
    // A browser that keeps nothing.
  }
}

function bringBack() {
  let kept = null;
  try {
    kept = JSON.parse(sessionStorage.getItem(KEPT));
    // At the door: whatever was sent did not arrive.
    if (kept && !who) sessionStorage.setItem(KEPT, JSON.stringify({ ...kept, out: true }));
    if (!kept || !who) return;
    if (kept.out && kept.who === who && kept.path !== location.pathname) return;
    sessionStorage.removeItem(KEPT);
  } catch {
    return;
  }
  if (!kept.out || kept.who !== who) return;
  const here = forms();
  let count = 0;
  for (const one of kept.found) {
    const field = here[one.at] && fields(here[one.at])[one.place];
    if (!field || field.name !== one.name) continue;
    if (typeof one.said === "boolean") field.checked = one.said;
    else field.value = one.said;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.dispatchEvent(new Event("change", { bubbles: true }));
    count += 1;
  }
  if (count) tell("What you had typed is here again. It is not sent yet.", 8000);
}

document.addEventListener("submit", (event) => {
  if (event.target.method === "post" && event.target.closest("main")) remember(false);
});
document.addEventListener("htmx:beforeOnLoad", ({ detail }) => {
  const { xhr } = detail;
  if (xhr.getResponseHeader("HX-Redirect") || xhr.getResponseHeader("HX-Refresh")) remember(true);
});

// The server ----------------------------------------------------------------------------------
// A page that asks by itself asks less and less often while nobody answers, and says so once.
const byItself = (element) => element.matches("[hx-trigger^=every]");
let failures = 0;
let notBefore = 0;
let notice = null;

function tell(text, ms) {
  const line = document.createElement("div");
  line.className = "toast";
  line.setAttribute("role", "status");
  line.textContent = text;
  (document.getElementById("toasts") ?? document.body).append(line);
  if (ms) setTimeout(() => line.remove(), ms);
  return line;
}

function away() {
  failures += 1;
  notBefore = Date.now() + Math.min(LATEST_MS, 1000 * 2 ** failures);
  notice ??= tell("Tenure does not answer. This page goes on as soon as it does.");
}

function answers() {
  failures = notBefore = 0;
  notice?.remove();
  notice = null;
}

document.addEventListener("htmx:beforeRequest", (event) => {
  if (byItself(event.target) && Date.now() < notBefore) event.preventDefault();
});
document.addEventListener("htmx:afterRequest", ({ target, detail }) => {
  const { status } = detail.xhr;
  const gone = status === 0 || status === 502 || status === 503 || status === 504;
  if (!gone) answers();
  else if (byItself(target)) away();
});

bringBack();
}
