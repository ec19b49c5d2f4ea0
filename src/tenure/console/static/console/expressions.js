// What could come next in an expression, below the field that it is written in: arrows choose,
// Enter or Tab takes it, Escape closes. Without this the field is a field.
"use strict";

for (const field of document.querySelectorAll("[data-expression]")) {
  const list = document.createElement("div");
  list.className = "suggestions";
  list.id = `${field.id}-suggestions`;
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Suggestions");
  list.hidden = true;
  field.after(list);
  // A field of several lines is no combobox (ARIA in HTML); it says what it has as a text field does.
  const single = field.tagName === "INPUT";
  if (single) field.setAttribute("role", "combobox");
  const expanded = (is) => single && field.setAttribute("aria-expanded", is);
  field.setAttribute("aria-autocomplete", "list");
  field.setAttribute("aria-haspopup", "listbox");
  expanded("false");
  field.setAttribute("aria-controls", list.id);
  let asked = 0;
  let told = 0; // How long the text was that they were found for: it may have grown since.
  let chosen = 0;
  let found = [];

  const close = () => {
    list.hidden = true;
    found = [];
    expanded("false");
    field.removeAttribute("aria-activedescendant");
  };
  const mark = (place) => {
    chosen = (place + found.length) % found.length;
    [...list.children].forEach((option, i) => option.setAttribute("aria-selected", i === chosen));
    list.children[chosen].scrollIntoView({ block: "nearest" });
    field.setAttribute("aria-activedescendant", list.children[chosen].id);
  };
  const take = (item) => {
    const at = field.selectionStart;
    const from = told - item.replace;
    const typed = field.value.slice(from, at).toLowerCase();
    if (at !== told && !(typed && item.insert.toLowerCase().startsWith(typed))) {
      close();
      return;
    }
    let after = field.value.slice(at);
    if (item.insert.endsWith('"') && after.startsWith('"')) after = after.slice(1);
    const before = field.value.slice(0, from) + item.insert;
    field.value = before + after;
    field.setSelectionRange(before.length, before.length);
    close();
    field.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const show = () => {
    list.replaceChildren(
      ...found.map((item, i) => {
        const option = document.createElement("div");
        option.id = `${list.id}-${i}`;
        option.setAttribute("role", "option");
        const label = document.createElement("span");
        label.className = "code";
        label.textContent = item.label;
        const hint = document.createElement("span");
        hint.className = "quiet";
        hint.textContent = item.hint;
        option.append(label, hint);
        option.addEventListener("mousedown", (event) => {
          event.preventDefault();
          take(item);
        });
        return option;
      }),
    );
    list.hidden = !found.length;
    expanded(String(Boolean(found.length)));
    if (found.length) mark(0);
  };
  const ask = async () => {
    const number = ++asked;
    const before = field.value.slice(0, field.selectionStart);
    const answer = await fetch(`${field.dataset.expression}?before=${encodeURIComponent(before.slice(-500))}`);
    if (number !== asked || !answer.ok) return;
    const { suggestions } = await answer.json();
    if (number !== asked) return;
    found = suggestions;
    told = before.length;
    show();
  };
  field.addEventListener("input", (event) => {
    if (event.isTrusted) ask();
  });
  field.addEventListener("blur", close);
  field.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !list.hidden) {
      event.preventDefault();
      close();
    } else if (event.key === " " && event.ctrlKey) {
      event.preventDefault();
      ask();
    }
    if (list.hidden || !found.length) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      mark(chosen + (event.key === "ArrowDown" ? 1 : -1));
    } else if (event.key === "Enter" || event.key === "Tab") {
      event.preventDefault();
      take(found[chosen]);
    }
  });
}
