// Says that the board has more columns than are in sight, how many and on which side, and brings them into sight.
(() => {
  "use strict";

  const board = (window.drsorchBoard ??= {});

  board.more = (form) => {
    const row = form.querySelector("[data-more]");
    const edges = form.querySelector("[data-edges]");
    const area = edges.querySelector("[data-scroll]");
    const [left, right] = row.querySelectorAll("button");
    const isCalm = matchMedia("(prefers-reduced-motion: reduce)");

    // Columns of which the middle is not in sight.
    const hidden = () => {
      const seen = area.getBoundingClientRect();
      const middles = [...area.querySelectorAll("[data-column]:not([hidden])")].map((column) => {
        const { left: from, width } = column.getBoundingClientRect();
        return from + width / 2;
      });
      return [middles.filter((x) => x < seen.left).length, middles.filter((x) => x > seen.right).length];
    };
    const write = (button, number) => {
      button.lastElementChild.textContent = `${number} more column${number === 1 ? "" : "s"}`;
      button.hidden = !number;
    };
    const show = () => {
      const focused = document.activeElement;
      const [before, after] = hidden();
      row.hidden = !before && !after;
      write(left, before);
      write(right, after);
      edges.toggleAttribute("data-before", before > 0);
      edges.toggleAttribute("data-after", after > 0);
      // Whoever pressed the last of one side stays at the row.
      if ([left, right].includes(focused) && focused.hidden) [left, right].find((each) => !each.hidden)?.focus({ preventScroll: true });
    };
    const go = (way) => area.scrollBy({ left: way * area.clientWidth * 0.75, behavior: isCalm.matches ? "auto" : "smooth" });

    left.addEventListener("click", () => go(-1));
    right.addEventListener("click", () => go(1));
    area.addEventListener("scroll", show, { passive: true });
    const watch = new ResizeObserver(show);
    watch.observe(area);
    watch.observe(area.querySelector("[data-canvas]"));
  };
})();
