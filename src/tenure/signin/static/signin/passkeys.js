// Passkeys: a form marked data-passkey asks for options, has the authenticator create or use a
// passkey, and sends what came of it (WebAuthn Level 3, section 5). Nothing is decided here.
"use strict";

// What waits unseen for a passkey to be chosen in a field; a button takes its place.
let waiting = null;

const fromText = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const toText = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

function readable(options) {
  const found = { ...options, challenge: fromText(options.challenge) };
  if (options.user) found.user = { ...options.user, id: fromText(options.user.id) };
  for (const name of ["excludeCredentials", "allowCredentials"]) {
    if (options[name]) found[name] = options[name].map((each) => ({ ...each, id: fromText(each.id) }));
  }
  return found;
}

function sendable(credential) {
  const { response } = credential;
  const answer = { clientDataJSON: toText(response.clientDataJSON) };
  if (response.attestationObject) {
    answer.attestationObject = toText(response.attestationObject);
    answer.transports = response.getTransports ? response.getTransports() : [];
  } else {
    answer.authenticatorData = toText(response.authenticatorData);
    answer.signature = toText(response.signature);
    answer.userHandle = response.userHandle ? toText(response.userHandle) : null;
  }
  return {
    id: credential.id,
    rawId: toText(credential.rawId),
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment,
    clientExtensionResults: credential.getClientExtensionResults(),
    response: answer,
  };
}

async function post(form, address, body) {
  const token = form.querySelector("[name=csrfmiddlewaretoken]").value;
  const answer = await fetch(address, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRFToken": token },
    body: JSON.stringify(body),
  });
  const found = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(found.error ?? "That did not work. Load the page again.");
  return found;
}

function reason(error, form) {
  if (error.name === "NotAllowedError" || error.name === "AbortError") {
    return "It was cancelled, or took too long. Try again.";
  }
  if (error.name === "InvalidStateError") return "This device has a passkey already.";
  if (error.name === "SecurityError") return `Passkeys work at ${form.dataset.origin} only.`;
  if (error.name === "NotSupportedError") return "This device cannot make a passkey. Use another one.";
  return error.message;
}

async function ceremony(form, button) {
  if (!window.PublicKeyCredential) {
    throw new Error(window.isSecureContext
      ? "This browser knows no passkeys. Use a newer one."
      : `Passkeys need a secure address. Open ${form.dataset.origin}`);
  }
  if (form.dataset.origin && form.dataset.origin !== location.origin) {
    throw new Error(`Passkeys work at ${form.dataset.origin} only. Open that address.`);
  }
  const fields = Object.fromEntries(new FormData(form, button));
  delete fields.csrfmiddlewaretoken;
  const publicKey = readable(await post(form, form.dataset.options, fields));
  waiting?.abort();
  const credential = form.dataset.passkey === "create"
    ? await navigator.credentials.create({ publicKey })
    : await navigator.credentials.get({ publicKey });
  return post(form, form.action, { ...fields, credential: sendable(credential) });
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.dataset.passkey) return;
  event.preventDefault();
  const button = event.submitter ?? form.querySelector("button");
  const told = form.querySelector(".told");
  if (form.dataset.busy) return;
  form.dataset.busy = "yes";
  button.setAttribute("aria-busy", "true");
  told.hidden = true;
  try {
    const { location: where } = await ceremony(form, button);
    // What was asked before the passkey was shown goes on as it was asked.
    const then = form.dataset.then && document.getElementById(form.dataset.then);
    if (then) then.submit();
    else window.location.assign(where);
  } catch (error) {
    told.textContent = reason(error, form);
    told.hidden = false;
    delete form.dataset.busy;
    delete form.dataset.sent;
    button.removeAttribute("aria-busy");
  }
});

// Paper is patient: a page that offers it can be printed.
for (const button of document.querySelectorAll("[data-print]")) {
  button.addEventListener("click", () => window.print());
}
