// The palette (Ctrl K, or ⌘ K), single keys, and what is said in passing. Everything that they reach
// is reached by links too. Single keys can be switched off (WCAG 2.2, 2.1.4), in the list of keys.
"use strict";

const palette = document.getElementById("palette");
const paletteInput = document.getElementById("palette-input");
const paletteList = document.getElementById("palette-list");
const keysHelp = document.getElementById("keys-help");
const OFF = "tenure-single-keys-off";

function singleKeys() {
  try {
    return localStorage.getItem(OFF) === null;
  } catch {
    return true;
  }
}

function toast(text) {
  const said = document.createElement("div");
  said.className = "toast";
  said.textContent = text;
  document.getElementById("toasts").append(said);
  setTimeout(() => said.remove(), 6000);
}

function openPalette() {
  if (palette.open) return;
  document.getElementById("menu")?.hidePopover?.();
  palette.showModal();
  paletteInput.value = "";
  paletteInput.focus();
  paletteInput.dispatchEvent(new Event("opened"));
}

const options = () => [...paletteList.querySelectorAll("[role=option]")];

function choose(place) {
  const found = options();
  if (!found.length) return;
  const at = (place + found.length) % found.length;
  found.forEach((option, i) => {
    option.id = `palette-option-${i}`;
    option.setAttribute("aria-selected", String(i === at));
  });
  found[at].scrollIntoView({ block: "nearest" });
  paletteInput.setAttribute("aria-activedescendant", found[at].id);
}

const chosen = () => options().findIndex((option) => option.getAttribute("aria-selected") === "true");

for (const opener of document.querySelectorAll("[data-palette]")) {
  opener.hidden = false;
  opener.addEventListener("click", openPalette);
  if (/Mac|iPhone|iPad/.test(navigator.platform)) opener.querySelector("kbd").textContent = "⌘ K";
}
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.target === paletteList) choose(0);
});
palette.addEventListener("click", (event) => {
  if (event.target === palette) palette.close();
});
paletteInput.addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    choose(chosen() + (event.key === "ArrowDown" ? 1 : -1));
  } else if (event.key === "Enter") {
    event.preventDefault();
    options()[chosen()]?.click();
  }
});

// Two keys one after the other: `g`, then where to.
let before = "";
let since = 0;
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k") {
    event.preventDefault();
    openPalette();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || !singleKeys()) return;
  if (event.target.closest("input, textarea, select, [contenteditable], dialog")) return;
  if (event.key === "?") {
    event.preventDefault();
    keysHelp.showModal();
    return;
  }
  const typed = event.timeStamp - since < 1500 ? `${before} ${event.key}` : "";
  before = event.key;
  since = event.timeStamp;
  const place = keysHelp.querySelector(`[data-keys="${CSS.escape(typed)}"]`);
  if (!place || !typed) return;
  event.preventDefault();
  location.assign(place.dataset.goes);
});
for (const box of document.querySelectorAll("[data-single-keys]")) {
  box.checked = singleKeys();
  box.addEventListener("change", () => {
    try {
      if (box.checked) localStorage.removeItem(OFF);
      else localStorage.setItem(OFF, "yes");
    } catch {
      toast("This browser keeps nothing, so the keys stay as they are.");
    }
  });
}

// What was asked for in passing and did not come.
// (What a page asks for by itself is staying.js's.)
const byHand = (event) => !event.target.matches("[hx-trigger^=every]");
document.addEventListener("htmx:sendError", (event) => byHand(event) && toast("The server did not answer. Try again."));
document.addEventListener("htmx:responseError", (event) => {
  if (!byHand(event)) return;
  const status = event.detail.xhr.status;
  toast(status === 403 ? "Your role does not allow this." : `That did not work (${status}). Try again.`);
});
