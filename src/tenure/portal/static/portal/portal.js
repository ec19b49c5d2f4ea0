// Typing shows the applications that are meant; without this all are shown.
"use strict";

const field = document.querySelector("[data-narrow]");

function narrow() {
  const wanted = field.value.trim().toLocaleLowerCase();
  for (const tile of document.querySelectorAll(field.dataset.narrow)) {
    tile.hidden = !tile.querySelector("h2").textContent.toLocaleLowerCase().includes(wanted);
  }
}
if (field) {
  field.addEventListener("input", narrow);
  // The tiles come anew while something is being made.
  document.addEventListener("htmx:afterSwap", narrow);
}
