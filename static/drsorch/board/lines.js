// The dependency lines, drawn from where the cards are: beside each other in columns, or below each other on a phone. A
// line crosses a column between its cards, never over one. Lines are pressed to remove them; they are pulled from the
// handle of a wave. Who uses a keyboard, or has it read to them, has “Waits for” on each card instead.
(() => {
  "use strict";

  const board = (window.drsorchBoard ??= {});
  const SVG = "http://www.w3.org/2000/svg";
  // Pixels.
  const HEAD = 53; // from the top of a card to its lines
  const LANE = 7; // between lines beside each other
  const BEGINS = 5; // a press that moves further is a pull
  const EDGE = 48; // so near to an end of what is seen, more is brought into sight
  const STEP = 12;

  const element = (name, attributes) => {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };

  const curve = ([x, y], [toX, toY]) => {
    const middle = (x + toX) / 2;
    return `C${middle} ${y} ${middle} ${toY} ${toX} ${toY}`;
  };

  board.lines = (canvas, { remove }) => {
    const svg = canvas.querySelector("[data-lines]");

    const box = (item) => {
      const origin = canvas.getBoundingClientRect();
      const { left, top, right, bottom } = item.getBoundingClientRect();
      return { left: left - origin.left, top: top - origin.top, right: right - origin.left, bottom: bottom - origin.top };
    };

    // The height at which a line crosses a column nearest to `y`: above, between or below its cards.
    const crossing = (list, y) => {
      const boxes = [...list.children].map(box);
      const gaps = [boxes[0].top - 8, ...boxes.slice(1).map((each, place) => (boxes[place].bottom + each.top) / 2), boxes.at(-1).bottom + 8];
      return gaps.reduce((best, gap) => (Math.abs(gap - y) < Math.abs(best - y) ? gap : best));
    };

    const across = (from, to, between, offset) => {
      const start = [from.right, from.top + HEAD];
      const end = [to.left - 2, to.top + HEAD + offset];
      let path = `M${start[0]} ${start[1]}`;
      let here = start;
      for (const list of between) {
        const { left, right } = box(list);
        const y = crossing(list, here[1] + (end[1] - here[1]) / 2) + offset;
        path += `${curve(here, [left - 6, y])}L${right + 6} ${y}`;
        here = [right + 6, y];
      }
      return path + curve(here, end);
    };

    const down = (from, to, lane) => {
      const x = from.left - 8 - lane * LANE;
      const [y, toY] = [from.bottom - 14, to.top + HEAD];
      return `M${from.left} ${y}C${x} ${y} ${x} ${y} ${x} ${y + 8}L${x} ${toY - 8}C${x} ${toY} ${x} ${toY} ${to.left - 2} ${toY}`;
    };

    const draw = (state) => {
      svg.querySelectorAll(".is-line").forEach((line) => line.remove());
      const lists = [...canvas.querySelectorAll("[data-column]:not([hidden])")];
      const stacked = getComputedStyle(canvas).flexDirection === "column";
      const place = new Map(lists.flatMap((list, column) => [...list.children].map((item) => [item.dataset.wave, { item, column }])));
      const free = []; // of each lane on a phone, where its last line ends
      for (const [source, target, offset] of edges(state)) {
        const [from, to] = [place.get(source), place.get(target)];
        if (!from || !to) continue;
        const [start, end] = [box(from.item), box(to.item)];
        let path;
        if (stacked) {
          let lane = free.findIndex((bottom) => bottom <= start.bottom - 20);
          if (lane < 0) lane = Math.min(free.length, 3);
          free[lane] = end.top + HEAD;
          path = down(start, end, lane);
        } else {
          path = across(start, end, lists.slice(from.column + 1, to.column), offset);
        }
        svg.append(line(state, source, target, path));
      }
    };

    // Source, target, and how far from the middle the line meets its target.
    const edges = (state) =>
      state.waves.flatMap((wave) =>
        wave.waits_for.map((source, index) => [source, wave.key, (index - (wave.waits_for.length - 1) / 2) * LANE]),
      );

    const line = (state, source, target, path) => {
      const group = element("g", { class: "is-line" });
      group.append(element("path", { class: "is-edge", d: path, "marker-end": "url(#board-arrow)" }));
      if (remove) {
        const hit = element("path", { class: "is-hit", d: path });
        const title = element("title", {});
        title.textContent = `${board.nameOf(state, target)} waits for ${board.nameOf(state, source)}. Press to remove this.`;
        hit.append(title);
        hit.addEventListener("click", () => remove(target, source));
        group.append(hit);
      }
      return group;
    };

    return { draw };
  };

  // A line that follows the pointer from a handle to the wave under it. `pulled(from, key)`; null: it was let go over an
  // empty place of the board. `busy(isBusy)`: what lies over the board has to get out of the way.
  board.pulling = (canvas, { pulled, busy }) => {
    const area = canvas.closest("[data-scroll]");
    const svg = canvas.querySelector("[data-lines]");
    let pull = null;
    let isPulled = false;

    const waveAt = (event) => document.elementFromPoint(event.clientX, event.clientY)?.closest("[data-wave]");
    const point = (x, y) => {
      const origin = canvas.getBoundingClientRect();
      return [x - origin.left, y - origin.top];
    };
    const mark = (item) => {
      for (const each of canvas.querySelectorAll(".is-target")) each.classList.remove("is-target");
      item?.classList.add("is-target");
    };
    const over = () => {
      pull?.path.remove();
      pull = null;
      mark(null);
      busy(false);
    };
    const near = (at, end) => (at < EDGE ? -STEP : at > end - EDGE ? STEP : 0);
    const scroll = ({ clientX, clientY }) => {
      const { left, width } = area.getBoundingClientRect();
      area.scrollLeft += near(clientX - left, width);
      window.scrollBy(0, near(clientY, window.innerHeight));
    };

    canvas.addEventListener("pointerdown", (event) => {
      const handle = event.target.closest("[data-pull]");
      if (!handle || event.button !== 0) return;
      handle.setPointerCapture(event.pointerId);
      pull = { handle, from: handle.closest("[data-wave]"), x: event.clientX, y: event.clientY, moved: false, path: element("path", { class: "is-edge is-pulled", "marker-end": "url(#board-arrow)" }) };
      svg.append(pull.path);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!pull) return;
      pull.moved ||= Math.hypot(event.clientX - pull.x, event.clientY - pull.y) > BEGINS;
      if (!pull.moved) return;
      event.preventDefault();
      busy(true);
      scroll(event);
      const { left, width, top, height } = pull.handle.getBoundingClientRect();
      const start = point(left + width / 2, top + height / 2);
      pull.path.setAttribute("d", `M${start[0]} ${start[1]}${curve(start, point(event.clientX, event.clientY))}`);
      const item = waveAt(event);
      mark(item === pull.from ? null : item);
    });
    canvas.addEventListener("pointerup", (event) => {
      if (!pull) return;
      const { from, moved } = pull;
      const item = waveAt(event);
      const isOnBoard = area.contains(document.elementFromPoint(event.clientX, event.clientY));
      over();
      if (!moved) return;
      isPulled = true;
      setTimeout(() => (isPulled = false));
      if (isOnBoard && item !== from) pulled(from.dataset.wave, item?.dataset.wave ?? null);
    });
    canvas.addEventListener("pointercancel", over);
    // The browser makes a press of the handle of it.
    canvas.addEventListener("click", (event) => isPulled && event.stopPropagation(), { capture: true });
  };
})();
