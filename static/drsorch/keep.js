// What was typed when the session was over is there again after signing in. A form that is sent, and every form of a
// page that has to load again, is kept in this tab alone, until the next page: that is the page for signing in, which
// leads back here, or any other, and then it is thrown away. Passwords are not kept.
(() => {
  "use strict";

  const KEY = "drsorch-kept";
  const here = () => location.pathname + location.search;
  const forms = () => [...document.querySelectorAll("form")].filter((form) => form.method === "post" && form.elements.csrfmiddlewaretoken);
  const fields = (form) =>
    [...form.elements].filter((field) => field.name && field.name !== "csrfmiddlewaretoken" && !["password", "file", "submit", "button"].includes(field.type));

  const entries = (form) =>
    fields(form).flatMap((field) => {
      if (["checkbox", "radio"].includes(field.type)) return field.checked ? [[field.name, field.value]] : [];
      if (field.options) return [...field.selectedOptions].map((option) => [field.name, option.value, option.label]);
      return [[field.name, field.value]];
    });

  // Not a button that sends a form with nothing to fill in.
  const holdsInput = (form) => "board" in form.dataset || fields(form).some((field) => field.type !== "hidden");

  const keep = (kept, again = false) => {
    const all = forms();
    const data = kept.filter(holdsInput).map((form) => ({ index: all.indexOf(form), entries: entries(form) }));
    try {
      sessionStorage.setItem(KEY, JSON.stringify({ page: here(), forms: data, again }));
    } catch { /* no room, or not allowed: then it is not kept */ }
  };

  const choose = (select, kept) => {
    for (const [, value, label] of kept) {
      if (![...select.options].some((option) => option.value === value)) select.add(new Option(label, value));
    }
    const values = new Set(kept.map(([, value]) => value));
    for (const option of select.options) option.selected = values.has(option.value);
  };

  const restore = (form, kept, why) => {
    const byName = Map.groupBy ? Map.groupBy(kept, ([name]) => name) : kept.reduce((map, entry) => map.set(entry[0], [...(map.get(entry[0]) ?? []), entry]), new Map());
    const there = fields(form);
    for (const field of there) {
      const mine = byName.get(field.name) ?? [];
      if (["checkbox", "radio"].includes(field.type)) field.checked = mine.some(([, value]) => value === field.value);
      else if (field.options) choose(field, mine);
      else if (mine.length) field.value = mine[0][1];
      if (field.type !== "hidden") {
        field.dispatchEvent(new Event("input", { bubbles: true }));
        field.dispatchEvent(new Event("change", { bubbles: true }));
      }
    }
    // A part of the form that only an answer of the server would show, such as one more step: it is sent all the same.
    const names = new Set(there.map((field) => field.name));
    for (const [name, value] of kept.filter(([name]) => !names.has(name))) {
      form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
    }
    form.dispatchEvent(new CustomEvent("drsorch:restored"));
    const note = Object.assign(document.createElement("p"), { className: "dr-note", textContent: `${why} What you had entered is here again, and is not saved yet.` });
    note.dataset.tone = "warn";
    note.setAttribute("role", "status");
    form.prepend(note);
  };

  document.addEventListener("submit", (event) => {
    if (forms().includes(event.target)) keep([event.target]);
  });
  // htmx is about to load the page again, because the session is over, or was begun anew in another tab.
  document.addEventListener("htmx:beforeOnLoad", (event) => {
    const leads = event.detail.xhr.getResponseHeader("HX-Redirect")?.startsWith("/accounts/");
    if (!leads && event.detail.xhr.getResponseHeader("HX-Refresh") !== "true") return;
    keep(forms(), true);
    document.documentElement.dataset.leaving = "";
  });
  // After everything that sets a form up.
  window.addEventListener("load", () => {
    const kept = sessionStorage.getItem(KEY);
    sessionStorage.removeItem(KEY);
    const from = document.referrer ? new URL(document.referrer) : null;
    if (!kept) return;
    const { page, forms: data, again } = JSON.parse(kept);
    // From the page for signing in, or from the identity provider's, which is elsewhere.
    const signedIn = from?.origin !== location.origin || from.pathname.startsWith("/accounts/");
    if (page !== here() || !(signedIn || again)) return;
    const all = forms();
    for (const { index, entries: typed } of data) if (all[index]) restore(all[index], typed, signedIn ? "You had to sign in again." : "The page was loaded again, because you had signed in anew.");
  });
})();
