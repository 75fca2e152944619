// The board of a plan: drag waves and protection groups, or move them by button or Alt+arrow. Nothing is sent until
// "Save order": then the whole layout goes, with the version it began from, and the server answers a new board.
(() => {
  "use strict";

  const layoutOf = (board) =>
    [...board.querySelectorAll("[data-wave]")].map((wave) => ({
      wave: wave.dataset.wave,
      groups: [...wave.querySelectorAll("[data-group]")].map((group) => group.dataset.group),
    }));

  const setUp = (board) => {
    const bar = board.querySelector("[data-bar]");
    if (!bar) return; // nothing to move, or not by this person
    const field = board.querySelector("[data-layout]");
    const status = board.querySelector("[data-status]");
    const body = document.getElementById("plan-body");
    // An order that could not be saved is unsaved, whatever is done to it.
    const saved = "unsaved" in board.dataset ? null : JSON.stringify(layoutOf(board));

    const changed = () => {
      field.value = JSON.stringify(layoutOf(board));
      const unsaved = field.value !== saved;
      board.toggleAttribute("data-unsaved", unsaved);
      body.classList.toggle("is-unsaved", unsaved);
      bar.hidden = !unsaved;
    };

    const say = (item) => {
      const list = item.parentElement;
      const name = item.dataset.wave || item.dataset.group;
      const where = item.dataset.group ? ` in ${list.getAttribute("aria-label")}` : "";
      status.textContent = `${name} is now ${[...list.children].indexOf(item) + 1} of ${list.children.length}${where}.`;
    };

    const dropped = (event) => {
      changed();
      say(event.item);
    };

    // Moves within a list; a group at the end of its list moves into the next one.
    const move = (item, down) => {
      const beside = down ? item.nextElementSibling : item.previousElementSibling;
      if (beside) {
        beside.insertAdjacentElement(down ? "afterend" : "beforebegin", item);
      } else if (item.dataset.group) {
        const lists = [...board.querySelectorAll("[data-groups]")];
        const next = lists[lists.indexOf(item.parentElement) + (down ? 1 : -1)];
        if (!next) return;
        next.insertAdjacentElement(down ? "afterbegin" : "beforeend", item);
      } else {
        return;
      }
      changed();
      say(item);
      item.scrollIntoView({ block: "nearest" });
    };

    const common = {
      animation: 120,
      forceFallback: true,
      fallbackOnBody: true,
      fallbackTolerance: 4,
      delay: 150,
      delayOnTouchOnly: true,
      ghostClass: "is-ghost",
      chosenClass: "is-chosen",
      onEnd: dropped,
    };
    const waves = board.querySelector("[data-waves]");
    new Sortable(waves, { ...common, draggable: "[data-wave]", handle: ".dr-board-top > .dr-board-handle" });
    for (const list of board.querySelectorAll("[data-groups]")) {
      new Sortable(list, { ...common, group: "groups", draggable: "[data-group]", filter: "a, button", preventOnFilter: false });
    }

    // After signing in again (keep.js): put everything where it had been dragged.
    board.addEventListener("drsorch:restored", () => {
      const layout = field.value ? JSON.parse(field.value) : [];
      const all = new Map([...board.querySelectorAll("[data-group]")].map((item) => [item.dataset.group, item]));
      const spare = board.querySelector("[data-spare]");
      for (const { wave, groups } of layout) {
        const item = [...waves.children].find((each) => each.dataset.wave === wave);
        if (!item) continue;
        waves.append(item);
        const list = item.querySelector("[data-groups]");
        for (const group of list.querySelectorAll("[data-group]")) spare?.append(group);
        for (const name of groups) if (all.has(name)) list.append(all.get(name));
      }
      changed();
    });
    board.addEventListener("click", (event) => {
      const button = event.target.closest("[data-move]");
      if (!button) return;
      move(button.closest("[data-group], [data-wave]"), button.dataset.move === "down");
      button.focus();
    });
    board.addEventListener("keydown", (event) => {
      if (!event.altKey || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
      const item = event.target.closest("[data-group], [data-wave]");
      if (!item) return;
      event.preventDefault();
      const focused = document.activeElement;
      move(item, event.key === "ArrowDown");
      focused.focus();
    });
    board.querySelector("[data-spare-filter]")?.addEventListener("input", (event) => {
      const wanted = event.target.value.toLowerCase();
      for (const group of board.querySelectorAll("[data-spare] [data-group]")) {
        group.hidden = !group.dataset.group.toLowerCase().includes(wanted);
      }
    });
    changed();
  };

  const start = () => document.querySelectorAll("[data-board]:not([data-ready])").forEach((board) => {
    board.dataset.ready = "";
    setUp(board);
  });

  document.addEventListener("DOMContentLoaded", start);
  document.addEventListener("htmx:afterSwap", start);
  // A refused order comes back with the sentence that says why: show it like any other answer.
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target.id === "plan-body" && [400, 409].includes(event.detail.xhr.status)) {
      event.detail.shouldSwap = true;
      event.detail.isError = false;
    }
  });
  const failed = () => {
    const status = document.querySelector("[data-status]");
    if (status) status.textContent = "The order could not be sent. It is still here: save it again.";
  };
  document.addEventListener("htmx:sendError", failed);
  document.addEventListener("htmx:responseError", failed);
  window.addEventListener("beforeunload", (event) => {
    const signingIn = "leaving" in document.documentElement.dataset; // keep.js has it
    if (document.querySelector("[data-board][data-unsaved]") && !signingIn) event.preventDefault();
  });
})();
