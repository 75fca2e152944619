// Parts of a page that htmx renews every few seconds ([data-live]), as a whole or one by one (foundation/live.py). What
// the reader does to them outlives a renewal: sections they opened or closed, keyboard focus, a text selection, how far
// they scrolled a part that scrolls ([data-scroll]). Times that tick are counted here. When renewing fails, the page
// says so.
(() => {
  "use strict";

  const isLive = (element) => element instanceof Element && element.hasAttribute("data-live");
  const stale = () => document.getElementById("live-stale");
  // Only what the reader opened or closed: the rest opens by itself when something happens in it.
  const chosen = new Map();
  let focused = null;
  let scrolled = [];

  document.addEventListener("click", (event) => {
    const section = event.target.closest("[data-live] details[id] > summary")?.parentElement;
    if (section) chosen.set(section.id, !section.open); // it toggles after the click
  });

  const selecting = (element) => {
    const selection = document.getSelection();
    return selection !== null && !selection.isCollapsed && element.contains(selection.anchorNode);
  };

  const remember = (element) => {
    focused = element.contains(document.activeElement) ? document.activeElement.id : null;
    scrolled = [...element.querySelectorAll("[data-scroll][id]")].map((part) => [part.id, part.scrollLeft, part.scrollTop]);
  };

  const recall = (element) => {
    if (element === null) return;
    for (const section of [element, ...element.querySelectorAll("details[id]")]) {
      if (chosen.has(section.id)) section.open = chosen.get(section.id);
    }
    for (const [id, left, top] of scrolled) document.getElementById(id)?.scrollTo(left, top);
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
    tick();
  };

  const say = (shown) => {
    if (stale() !== null) stale().hidden = !shown;
  };

  // The browser says what it has; the server then sends what of it has changed, or 304 for nothing.
  document.addEventListener("htmx:configRequest", (event) => {
    const etag = isLive(event.target) && event.target.dataset.etag;
    if (etag) event.detail.headers["If-None-Match"] = etag;
  });

  document.addEventListener("htmx:beforeSwap", (event) => {
    const element = event.target;
    if (!isLive(element)) return;
    const { xhr } = event.detail;
    if (xhr.status < 400) say(false);
    if (xhr.status === 304) {
      event.detail.shouldSwap = false;
      return;
    }
    if (xhr.status === 200 && selecting(element)) {
      event.detail.shouldSwap = false; // someone selects text to copy it: the next renewal will do
      return;
    }
    if (xhr.getResponseHeader("HX-Reswap") === "none") element.dataset.etag = xhr.getResponseHeader("ETag");
    else remember(element);
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (isLive(event.target)) recall(document.getElementById(event.target.id));
  });
  document.addEventListener("htmx:oobBeforeSwap", (event) => remember(event.detail.target));
  document.addEventListener("htmx:oobAfterSwap", (event) => recall(document.getElementById(event.detail.target.id)));

  for (const failure of ["htmx:sendError", "htmx:timeout", "htmx:responseError"]) {
    document.addEventListener(failure, (event) => {
      if (isLive(event.target)) say(true);
    });
  }

  // --- what ticks: as foundation/durations.spoken writes it, by the server's clock ---
  const UNITS = [["day", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  const spoken = (seconds) => {
    let rest = Math.max(0, Math.round(seconds));
    const first = Math.max(0, UNITS.findIndex(([, size]) => rest >= size));
    const parts = [];
    for (const [unit, size] of rest ? UNITS.slice(first, first + 2) : []) {
      const count = Math.floor(rest / size);
      rest %= size;
      if (count) parts.push(`${count} ${unit}${unit === "day" && count > 1 ? "s" : ""}`);
    }
    return parts.join(" ") || "0 s";
  };
  // The line of now, and the bars of what is not over, in percent of the frame (executions/core/monitor/timeline.py).
  const growTimeline = (part, now) => {
    const [start, end] = part.dataset.frame.split(" ").map(Date.parse);
    const at = Math.min(100, Math.max(0, (100 * (now - start)) / (end - start)));
    for (const line of part.querySelectorAll("[data-now-line]")) ["x1", "x2"].forEach((x) => line.setAttribute(x, `${at}%`));
    for (const bar of part.querySelectorAll("[data-grows]")) bar.setAttribute("width", `${Math.max(0, at - parseFloat(bar.getAttribute("x")))}%`);
  };
  let ahead = 0;
  const tick = () => {
    const now = Date.now() + ahead;
    for (const part of document.querySelectorAll("[data-since]")) part.textContent = spoken((now - Date.parse(part.dataset.since)) / 1000);
    for (const part of document.querySelectorAll("[data-until]")) part.textContent = spoken((Date.parse(part.dataset.until) - now) / 1000);
    for (const part of document.querySelectorAll("[data-frame]")) growTimeline(part, now);
    for (const part of document.querySelectorAll("[data-clock]")) part.textContent = part.textContent.replace(/\d\d:\d\d:\d\d$/, new Date(now).toISOString().slice(11, 19));
  };
  document.addEventListener("DOMContentLoaded", () => {
    const now = document.querySelector("[data-now]")?.dataset.now;
    if (now) ahead = Date.parse(now) - Date.now();
    setInterval(() => {
      // Not while someone selects text to copy it.
      if (document.getSelection()?.isCollapsed !== false) tick();
    }, 1000);
  });
})();
