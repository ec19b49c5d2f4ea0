// Who has sent a form is led on by the answer to it. What the page asked by itself meanwhile does
// nothing any more: after "Sign out" it would find nobody signed in, and lead to the door past
// the applications that are still to be signed out of.
"use strict";

// No answer takes longer; who has stopped the browser waiting for one goes on with this page.
const LONGEST_MS = 20 * 1000;
let leaving = false;

// On the window, after whatever the page does with the form itself.
addEventListener("submit", (event) => {
  if (event.defaultPrevented || event.target.method === "dialog") return;
  leaving = true;
  setTimeout(() => { leaving = false; }, LONGEST_MS);
});
document.addEventListener("htmx:beforeOnLoad", (event) => {
  if (leaving) event.preventDefault();
});
// It is shown again, by the browser's button to go back.
addEventListener("pageshow", () => {
  leaving = false;
});
