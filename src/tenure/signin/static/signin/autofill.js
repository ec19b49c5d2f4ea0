// Passkeys among what the browser offers in a field (WebAuthn Level 3, section 5.1.4, conditional
// mediation). It waits unseen, with the challenge that came with the page, until one is chosen.
"use strict";

// The challenge is good for five minutes; a page that lies open asks for another one before that.
const ANEW_MS = 4 * 60 * 1000;

async function offer(form, asked) {
  waiting?.abort();
  const mine = (waiting = new AbortController());
  const publicKey = readable(asked);
  const credential = await navigator.credentials.get({
    publicKey, mediation: "conditional", signal: mine.signal,
  });
  const { location: where } = await post(form, form.action, { credential: sendable(credential) });
  window.location.assign(where);
}

async function begin(form) {
  if (!(await window.PublicKeyCredential?.isConditionalMediationAvailable?.())) return;
  if (form.dataset.origin !== location.origin) return;
  const field = form.querySelector("[data-autofill]");
  const told = form.querySelector(".told");
  field.hidden = false;
  const show = (error) => {
    // Another request has taken its place: nothing is wrong.
    if (error.name === "AbortError") return;
    told.textContent = reason(error, form);
    told.hidden = false;
  };
  const anew = () =>
    post(form, form.dataset.options, {}).then((asked) => offer(form, asked)).catch(show);
  offer(form, JSON.parse(form.dataset.asked)).catch(show);
  setInterval(() => {
    if (!document.hidden && !form.dataset.busy) anew();
  }, ANEW_MS);
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) anew();
  });
}

for (const form of document.querySelectorAll("form[data-asked]")) begin(form);
