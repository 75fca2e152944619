// The board of a plan. The form holds its state as JSON; every edit changes that, draws it, and asks the server what
// saving it would change of what waits for what. Nothing is saved until “Save”, which sends the state with the version
// that it began from. A refusal comes as sentences, and the board stays as it is.
(() => {
  "use strict";

  const board = window.drsorchBoard;
  let kept = null; // over a save: which card is the current one, and how far the board is scrolled

  const editable = (form, field) => {
    const saved = JSON.stringify(JSON.parse(field.value));
    const past = [];
    let asked = saved; // what the server was asked about last
    const status = form.querySelector("[data-status]");
    const bar = form.querySelector("[data-bar]");
    const refused = form.querySelector("[data-refused]");
    const changes = form.querySelector("[data-changes]");
    const on = { form, state: JSON.parse(saved) };

    const say = (text, isRefused = false) => {
      status.textContent = text;
      status.toggleAttribute("data-refused", isRefused);
    };
    const isUnsaved = () => form.hasAttribute("data-unsaved");
    const redraw = () => {
      on.drawing.draw(on.state);
      on.keys.rove();
      on.lines.draw(on.state);
    };
    const show = () => {
      field.value = JSON.stringify(on.state);
      form.toggleAttribute("data-unsaved", field.value !== saved);
      bar.hidden = !isUnsaved();
      // What was wrong may be right now; what a colleague saved is still there.
      if (!form.elements.overwrite) refused.replaceChildren();
      form.querySelector('[data-do="undo"]').disabled = !past.length;
      redraw();
      if (field.value === asked) return;
      asked = field.value;
      changes.dispatchEvent(new Event("drsorch:edited"));
    };
    // Says what the edit says; says why, and leaves everything, if it is refused. Returns whether it was done.
    const edit = (change) => {
      const before = JSON.stringify(on.state);
      try {
        say(change() ?? "");
      } catch (error) {
        if (!(error instanceof board.Refused)) throw error;
        on.state = JSON.parse(before);
        say(error.message, true);
        redraw();
        return false;
      }
      if (JSON.stringify(on.state) === before) return true;
      past.push(before);
      show();
      return true;
    };
    const undo = () => {
      if (!past.length) return;
      on.state = JSON.parse(past.pop());
      show();
      say("Undone.");
      if (!form.contains(document.activeElement)) on.keys.current()?.focus();
    };
    // Then leads to the form of the wave of that name.
    const save = (then = "") => {
      if (!isUnsaved()) return;
      form.elements.then.value = then;
      form.requestSubmit();
    };

    Object.assign(on, { edit, say, show, redraw, undo, save, isUnsaved });
    const actions = board.actions(on);
    const busy = (isBusy) => form.toggleAttribute("data-busy", isBusy);
    const drag = board.dragging({ dropped: actions.dropped, moving: () => on.lines.draw(on.state), busy });
    const made = (part) => {
      if (part.matches("[data-column]")) drag.waves(part);
      else part.querySelectorAll("[data-groups]").forEach(drag.groups);
    };
    on.drawing = board.drawing(form, { made });
    on.lines = board.lines(on.drawing.canvas, { remove: (target, source) => edit(() => board.unwait(on.state, target, source)) });
    on.menu = board.menu(form);
    on.keys = board.keys(form, on.drawing.canvas, { move: actions.move, undo, save: () => save() });
    board.pulling(on.drawing.canvas, { pulled: actions.pulled, busy });
    form.querySelectorAll("[data-column]").forEach(drag.waves);
    form.querySelectorAll("[data-groups]").forEach(drag.groups);
    new ResizeObserver(() => on.lines.draw(on.state)).observe(on.drawing.canvas);

    form.addEventListener("click", (event) => {
      const button = event.target.closest("[data-do]");
      if (button && actions.press(button)) event.preventDefault();
    });
    form.addEventListener("keydown", (event) => {
      // The browser would save.
      if (event.key === "Enter" && event.target.matches("input")) event.preventDefault();
    });
    const filter = form.querySelector("[data-spare-filter]");
    const spare = () => [...form.querySelectorAll("[data-spare] [data-group]")];
    filter.hidden = spare().length <= board.MANY;
    filter.addEventListener("input", (event) => {
      const wanted = event.target.value.toLowerCase();
      for (const card of spare()) card.hidden = !card.dataset.group.toLowerCase().includes(wanted);
    });
    // Nobody is thrown out of an edit by what the board asks on the way. Saving leads to signing in.
    form.addEventListener("htmx:beforeOnLoad", (event) => {
      if (!event.target.matches("[data-asks]") || event.detail.xhr.getResponseHeader("HX-Refresh") !== "true") return;
      event.preventDefault();
      event.stopPropagation();
      say("You are signed out. Save: after signing in, your changes are here again.", true);
    });
    // After signing in again (keep.js): as it was left.
    form.addEventListener("drsorch:restored", () => {
      on.state = JSON.parse(field.value);
      show();
    });

    show();
    // Not that of the picture, which htmx reads out of its <noscript>.
    const scroll = form.querySelector("[data-edges] [data-scroll]");
    if (kept) {
      scroll.scrollLeft = kept.left;
      const wave = on.state.waves.find((each) => each.name === kept.wave);
      const card = on.drawing.group(kept.group) ?? (wave && on.drawing.card(wave.key));
      (card ?? form.querySelector("#board-title")).focus({ preventScroll: true });
      kept = null;
    }
    form.addEventListener("drsorch:saved", () => {
      const { wave, group } = on.keys.current()?.dataset ?? {};
      kept = { wave: wave && board.nameOf(on.state, wave), group, left: scroll.scrollLeft };
      form.removeAttribute("data-unsaved");
    });
  };

  const start = () => document.querySelectorAll("[data-board]:not([data-ready])").forEach((form) => {
    form.dataset.ready = "";
    const field = form.elements.board;
    board.more(form);
    if ("editable" in form.dataset) {
      editable(form, field);
      return;
    }
    const canvas = form.querySelector("[data-canvas]");
    const lines = board.lines(canvas, {});
    new ResizeObserver(() => lines.draw(JSON.parse(field.value))).observe(canvas);
  });

  // The board that was sent, or is to be as it is saved.
  const sent = (event) => {
    const by = event.detail.requestConfig?.elt;
    return by && !by.matches("[data-asks]") ? by.closest("[data-board]") : null;
  };
  document.addEventListener("DOMContentLoaded", start);
  document.addEventListener("htmx:afterSwap", start);
  document.addEventListener("htmx:beforeOnLoad", (event) => {
    if (sent(event) && event.detail.xhr.status < 300) sent(event).dispatchEvent(new Event("drsorch:saved"));
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (!sent(event) || ![400, 409].includes(event.detail.xhr.status)) return;
    event.detail.target = sent(event).querySelector("[data-refused]");
    event.detail.shouldSwap = true;
    event.detail.isError = false;
  });
  const failed = (event) => {
    const status = sent(event)?.querySelector("[data-status]");
    if (status) status.textContent = "The plan could not be sent. Your changes are still here: save again.";
  };
  document.addEventListener("htmx:sendError", failed);
  document.addEventListener("htmx:responseError", failed);
  window.addEventListener("beforeunload", (event) => {
    const isSigningIn = "leaving" in document.documentElement.dataset; // keep.js has it
    if (document.querySelector("[data-board][data-unsaved]") && !isSigningIn) event.preventDefault();
  });
})();
