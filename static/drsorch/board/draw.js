// Puts the cards of the board where the state has them. Cards are moved, never made again, so that nothing of them is
// lost: focus, an open name field, what the server wrote into them. Only new waves are made, from a template.
(() => {
  "use strict";

  const board = (window.drsorchBoard ??= {});

  const arrange = (list, wanted) => {
    wanted.forEach((item, place) => {
      if (list.children[place] !== item) list.insertBefore(item, list.children[place] ?? null);
    });
  };

  // The board's parts of a page. `column` makes a column, which may be needed at any time.
  board.drawing = (form, { made }) => {
    const canvas = form.querySelector("[data-canvas]");
    const spare = form.querySelector("[data-spare]");
    const cards = new Map([...canvas.querySelectorAll("[data-wave]")].map((card) => [card.dataset.wave, card]));
    const groups = new Map([...form.querySelectorAll("[data-group]")].map((card) => [card.dataset.group, card]));

    const card = (key) => {
      if (!cards.has(key)) {
        const fresh = form.querySelector("[data-blank]").content.firstElementChild.cloneNode(true);
        fresh.dataset.wave = key;
        cards.set(key, fresh);
        made(fresh);
      }
      return cards.get(key);
    };

    const column = (place) => {
      const there = canvas.querySelectorAll("[data-column]")[place];
      if (there) return there;
      const fresh = document.createElement("ol");
      fresh.className = "dr-board-column";
      fresh.dataset.column = "";
      fresh.setAttribute("aria-label", `Waves, column ${place + 1}`);
      canvas.append(fresh);
      made(fresh);
      return fresh;
    };

    const write = (state, wave) => {
      const item = card(wave.key);
      item.setAttribute("aria-label", `Wave ${wave.name}, ${board.waits(state, wave)}`);
      item.querySelector("[data-name]").textContent = wave.name;
      item.querySelector("[data-waits]").textContent = board.waits(state, wave);
      for (const tool of item.querySelectorAll("[data-label]")) tool.setAttribute("aria-label", tool.dataset.label.replace("%", () => wave.name));
      arrange(item.querySelector("[data-groups]"), wave.groups.map((name) => groups.get(name)).filter(Boolean));
    };

    const draw = (state) => {
      const focused = document.activeElement;
      const keys = new Set(state.waves.map((wave) => wave.key));
      for (const [key, item] of cards) if (!keys.has(key)) item.remove();
      const columns = board.columns(state);
      columns.forEach((of, place) => arrange(column(place), of.map(card)));
      canvas.querySelectorAll("[data-column]").forEach((list, place) => (list.hidden = place >= columns.length));
      const placed = new Set(state.waves.flatMap((wave) => wave.groups));
      arrange(spare, [...groups].filter(([name]) => !placed.has(name)).map(([, item]) => item));
      for (const wave of state.waves) write(state, wave);
      if (focused?.isConnected && document.activeElement !== focused) focused.focus({ preventScroll: true });
    };

    return { draw, canvas, card, group: (name) => groups.get(name) };
  };
})();
