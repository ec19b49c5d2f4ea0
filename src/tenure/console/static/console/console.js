// What the pages do beyond links and forms; everything works without it.
"use strict";

// "/" goes to the search.
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || !singleKeys()) return;
  if (event.target.closest("input, textarea, select, [contenteditable], dialog")) return;
  const fields = [...document.querySelectorAll("[data-search]")];
  const field = fields.find((each) => each.offsetParent !== null);
  if (!field) return;
  event.preventDefault();
  field.focus();
  field.select();
});

// A form is sent once, and says that it is under way.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  const button = event.submitter;
  if (!button) return;
  button.setAttribute("aria-busy", "true");
  const words = button.dataset.busy;
  const label = button.querySelector("[data-label]") ?? button;
  if (words && button.matches(".button")) label.textContent = words;
});
window.addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  for (const button of document.querySelectorAll("[aria-busy]")) button.removeAttribute("aria-busy");
});

// Filters that are chosen take effect at once; the button is for when this does not run.
for (const button of document.querySelectorAll("[data-instant-button]")) button.hidden = true;
for (const form of document.querySelectorAll("form[data-instant]")) {
  form.addEventListener("change", (event) => {
    if (event.target.matches("select")) form.requestSubmit();
  });
}

// How many are chosen stands on the buttons that act on them.
document.addEventListener("change", (event) => {
  const box = event.target;
  if (!box.matches("input[type=checkbox][form]")) return;
  const form = document.getElementById(box.getAttribute("form"));
  const boxes = [...form.elements].filter((each) => each.type === "checkbox");
  const chosen = boxes.filter((each) => each.checked).length;
  for (const label of form.querySelectorAll("[data-all]")) {
    label.textContent = chosen ? `${label.dataset.verb} ${chosen} chosen` : label.dataset.all;
  }
});

// A value that is pasted elsewhere is copied by a button; without this the button is not there.
if (navigator.clipboard) {
  for (const button of document.querySelectorAll("[data-copy]")) button.hidden = false;
}
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const label = button.getAttribute("aria-label");
  await navigator.clipboard.writeText(button.parentElement.querySelector("code").textContent);
  button.dataset.done = "yes";
  button.setAttribute("aria-label", "Copied");
  toast("Copied");
  setTimeout(() => {
    delete button.dataset.done;
    button.setAttribute("aria-label", label);
  }, 2000);
});

// A question opens above the page; without this, its link shows it in the page.
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  const closer = event.target.closest("[data-closes]");
  const dialog = document.getElementById((opener ?? closer)?.dataset[opener ? "opens" : "closes"]);
  if (!dialog) return;
  event.preventDefault();
  if (closer) dialog.close();
  else if (!dialog.open) dialog.showModal();
});
// One that was refused comes back open: it stands above the page as before.
for (const dialog of document.querySelectorAll("dialog[data-refused]")) {
  dialog.close();
  dialog.showModal();
}

// A menu closes when one looks elsewhere, or with Escape.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = event.target.closest("details.menu[open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

// Choosing an attribute fills in what it is now.
document.addEventListener("change", (event) => {
  const field = document.getElementById(event.target.dataset.fills ?? "");
  if (!field) return;
  const chosen = event.target.selectedOptions[0];
  field.type = chosen.dataset.kind ?? "text";
  field.value = chosen.dataset.now ?? "";
});
// A file can be dropped where it can be chosen.
for (const place of document.querySelectorAll("[data-drop]")) {
  const field = place.querySelector("input[type=file]");
  place.addEventListener("dragover", (event) => {
    event.preventDefault();
    place.classList.add("over");
  });
  place.addEventListener("dragleave", () => place.classList.remove("over"));
  place.addEventListener("drop", (event) => {
    event.preventDefault();
    place.classList.remove("over");
    if (event.dataTransfer.files.length) field.files = event.dataTransfer.files;
  });
}

// Where no time zone was chosen yet, that of the browser is proposed.
for (const field of document.querySelectorAll("select[data-zone]")) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const known = [...field.options].some((option) => option.value === zone);
  if (field.value === "UTC" && known) field.value = zone;
}

// What is typed while the rows of a condition are fetched anew stays: the answer knows nothing of it.
let typedMeanwhile = [];
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const asked = detail.requestConfig?.parameters;
  typedMeanwhile = [];
  if (detail.target.id !== "rows" || String(asked?.do ?? "").startsWith("drop")) return;
  typedMeanwhile = [...detail.target.querySelectorAll("input[name^=value-]")]
    .filter((field) => field.value !== (asked[field.name] ?? ""))
    .map((field) => [field.id, field.value]);
});
document.addEventListener("htmx:afterSwap", () => {
  for (const [id, text] of typedMeanwhile) {
    const field = document.getElementById(id);
    if (!field) continue;
    field.value = text;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
  typedMeanwhile = [];
});

// A form that was refused begins at the first field that is wrong.
document.querySelector("main form [aria-invalid=true]:not([type=hidden])")?.focus();

// Where tabs do not fit, the one that is open is in sight.
for (const tab of document.querySelectorAll("main .tabs [aria-current]")) {
  const tabs = tab.closest(".tabs");
  tabs.scrollLeft = tab.offsetLeft - tabs.offsetLeft - (tabs.clientWidth - tab.offsetWidth) / 2;
}
