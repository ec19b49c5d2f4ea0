// Typing shows the applications that are meant, a button those of one kind; without this all are
// shown.
"use strict";

const field = document.querySelector("[data-narrow]");
const groups = document.querySelector("[data-groups]");
const none = document.querySelector("[data-none]");
let wantedGroup = "";

function narrow() {
  const wanted = field.value.trim().toLocaleLowerCase();
  let found = 0;
  for (const tile of document.querySelectorAll(field.dataset.narrow)) {
    const name = tile.querySelector("h2, h3").textContent.toLocaleLowerCase();
    tile.hidden = !name.includes(wanted) || (wantedGroup && tile.dataset.group !== wantedGroup);
    found += !tile.hidden;
  }
  const offers = document.querySelector(".offers");
  if (offers) {
    offers.hidden = !offers.querySelector(".tile:not([hidden])");
  }
  none.hidden = found > 0;
}

function choose(event) {
  const chosen = event.target.closest("[data-show]");
  if (!chosen) {
    return;
  }
  wantedGroup = chosen.dataset.show;
  for (const button of groups.querySelectorAll("[data-show]")) {
    button.setAttribute("aria-pressed", String(button === chosen));
  }
  narrow();
}

if (field) {
  field.addEventListener("input", narrow);
  groups.addEventListener("click", choose);
  groups.hidden = false;
  // The tiles come anew while something is being made.
  document.addEventListener("htmx:afterSwap", narrow);
}
