// The portal among the phone's applications: the worker for the time without a network, and a button
// where the browser lets a page ask (W3C Web App Manifest, section 5).
"use strict";

const worker = document.querySelector("link[rel=manifest]").dataset.worker;
// A browser that keeps no workers (a private window) loses nothing by it.
navigator.serviceWorker?.register(worker).catch(() => {});

const install = document.querySelector("[data-install]");
let asking = null;

window.addEventListener("beforeinstallprompt", (event) => {
  event.preventDefault();
  asking = event;
  install.hidden = false;
});
install.addEventListener("click", async () => {
  await asking?.prompt();
  install.hidden = true;
});
