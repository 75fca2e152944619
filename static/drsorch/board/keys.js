// The keys of the board, as its “Keyboard” list says. Of all cards one at a time is reached by Tab, with its buttons;
// arrows go to the others. So the page below the board is never many stops away.
(() => {
  "use strict";

  const board = (window.drsorchBoard ??= {});
  const LETTERS = { n: "next", g: "groups", w: "waits", m: "move", e: "edit", f2: "rename", delete: "remove", backspace: "remove" };
  const ARROWS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };

  board.keys = (form, canvas, { move, undo, save }) => {
    let current = null;

    const cards = () => [...form.querySelectorAll("[data-card]")].filter((card) => card.offsetParent !== null);
    const reach = (card, isReached) => {
      card.tabIndex = isReached ? 0 : -1;
      for (const control of card.querySelectorAll("a, button, input")) {
        if (control.closest("[data-card]") === card) control.tabIndex = isReached ? 0 : -1;
      }
    };
    const rove = () => {
      const there = cards();
      if (!there.includes(current)) current = there[0] ?? null;
      for (const card of there) reach(card, card === current);
    };

    // Cards of one column, in the order in which they are seen; the unassigned groups are the last column.
    const columns = () => {
      const lists = [...canvas.querySelectorAll("[data-column]:not([hidden])"), form.querySelector("[data-spare]")];
      return lists.map((list) => cards().filter((card) => list.contains(card))).filter((list) => list.length);
    };
    const beside = (card, [across, along]) => {
      const all = columns();
      const column = all.findIndex((list) => list.includes(card));
      if (!across) return all[column]?.[all[column].indexOf(card) + along];
      const y = card.getBoundingClientRect().top;
      const distance = (other) => Math.abs(other.getBoundingClientRect().top - y);
      return (all[column + across] ?? []).reduce((best, other) => (best && distance(best) <= distance(other) ? best : other), null);
    };

    form.addEventListener("focusin", (event) => {
      const card = event.target.closest("[data-card]");
      if (!card || card === current) return;
      current = card;
      rove();
    });

    form.addEventListener("keydown", (event) => {
      if (event.target.closest("input, [data-menu]")) return;
      if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey) {
        const does = { z: undo, s: save }[event.key.toLowerCase()];
        if (!does) return;
        event.preventDefault();
        does();
        return;
      }
      const card = event.target.closest("[data-card]");
      if (!card || event.ctrlKey || event.metaKey || (event.shiftKey && event.key !== "?")) return;
      const way = ARROWS[event.key];
      if (way && event.altKey) {
        event.preventDefault();
        move(card, way);
      } else if (way) {
        event.preventDefault();
        beside(card, way)?.focus();
      } else if (!event.altKey) {
        let what = LETTERS[event.key.toLowerCase()];
        // Enter and Space on a button of the card are that button's.
        if (event.key === "Enter" && event.target === card) what = card.dataset.wave ? "rename" : "move";
        if (what === "remove") what = card.dataset.wave ? "delete" : "take-out";
        if (event.key === "?") form.querySelector("[data-help]").open = true;
        // What a group does not have is its wave's.
        const of = (owner) => [...(owner?.querySelectorAll(`[data-do="${what}"]`) ?? [])].find((each) => each.closest("[data-card]") === owner);
        const button = what && (of(card) ?? of(card.closest("[data-wave]")));
        if (!button) return;
        event.preventDefault();
        button.click();
      }
    });

    return { rove, current: () => current, neighbour: (card) => beside(card, [0, -1]) ?? beside(card, [0, 1]) ?? beside(card, [-1, 0]) };
  };
})();
