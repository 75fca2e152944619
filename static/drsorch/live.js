// Parts of a page that htmx renews every few seconds ([data-live]), as a whole or one by one (foundation/live.py). What
// the reader does to them outlives a renewal: sections they opened or closed, keyboard focus, a text selection, how far
// they scrolled a part that scrolls ([data-scroll]), what they typed. Times that tick are counted here. When renewing
// fails, the page says so, and since when. What a part has to say ([data-say]) is announced once, and by a notification
// where the reader wants that.
(() => {
  "use strict";

  const isLive = (element) => element instanceof Element && element.hasAttribute("data-live");
  const stale = () => document.getElementById("live-stale");
  // Only what the reader opened or closed: the rest opens by itself when something happens in it.
  const chosen = new Map();
  let focused = null;
  let scrolled = [];
  let typed = [];

  document.addEventListener("click", (event) => {
    const section = event.target.closest("[data-live] details[id] > summary")?.parentElement;
    if (section) chosen.set(section.id, !section.open); // it toggles after the click
  });

  const selecting = (element) => {
    const selection = document.getSelection();
    return selection !== null && !selection.isCollapsed && element.contains(selection.anchorNode);
  };

  // That something was done is old news once the page has moved on.
  const LINGERS = 10_000;
  const loaded = Date.now();
  const forget = () => {
    if (Date.now() - loaded < LINGERS) return;
    for (const done of document.querySelectorAll("[data-messages] .bg-green-100")) done.closest("li").remove();
  };

  const remember = (element) => {
    focused = element.contains(document.activeElement) ? document.activeElement.id : null;
    scrolled = [...element.querySelectorAll("[data-scroll][id]")].map((part) => [part.id, part.scrollLeft, part.scrollTop]);
    typed = [...element.querySelectorAll("textarea[id]")].filter((field) => field.value !== field.defaultValue).map((field) => [field.id, field.value]);
  };

  const recall = (element) => {
    if (element === null) return;
    for (const section of [element, ...element.querySelectorAll("details[id]")]) {
      if (chosen.has(section.id)) section.open = chosen.get(section.id);
    }
    for (const [id, left, top] of scrolled) document.getElementById(id)?.scrollTo(left, top);
    for (const [id, value] of typed) {
      const field = document.getElementById(id);
      if (field) field.value = value;
    }
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
    tick();
    hear();
    forget();
  };

  // Since when the page is not renewed: since its last answer.
  let answered = Date.now();
  const say = (shown) => {
    if (!shown) answered = Date.now();
    if (stale() === null || stale().hidden === !shown) return;
    const since = new Date(answered + ahead).toISOString();
    for (const part of stale().querySelectorAll("[data-stale-at]")) part.textContent = since.slice(11, 19);
    for (const part of stale().querySelectorAll("[data-stale-since]")) part.dataset.since = since;
    stale().hidden = !shown;
    tick();
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
      element.dataset.etag = xhr.getResponseHeader("ETag") ?? element.dataset.etag;
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
      if (!isLive(event.target)) return;
      // The page is there, and not for this reader any more: it says why itself.
      if ([403, 404].includes(event.detail.xhr?.status)) location.reload();
      else say(true);
    });
  }

  // --- what is announced: to screen readers, and by notifications where the reader pressed for them ---
  const WANTED = "drsorch-notify";
  let announcer = null;
  let heard = null;
  const wanted = () => {
    try {
      return "Notification" in window && Notification.permission === "granted" && localStorage.getItem(WANTED) === "1";
    } catch {
      return false;
    }
  };
  const notify = (text, key) => {
    try {
      const shown = new Notification("drsorch", { body: text, tag: `drsorch-${key}` });
      shown.onclick = () => { window.focus(); shown.close(); };
    } catch { /* some phones have notifications for installed pages only */ }
  };
  // Each once, as long as it is there; what was there when the page was loaded is read with the page.
  const hear = () => {
    const there = new Map([...document.querySelectorAll("[data-say]")].map((part) => [part.dataset.say, part]));
    for (const [key, part] of heard === null ? [] : there) {
      if (heard.has(key)) continue;
      announcer.append(Object.assign(document.createElement("p"), { textContent: part.textContent.trim() }));
      while (announcer.children.length > 8) announcer.firstChild.remove();
      if ("urgent" in part.dataset && wanted()) notify(part.textContent.trim(), key);
    }
    heard = new Set(there.keys());
    const title = document.querySelector("[data-title]")?.dataset.title;
    if (title) document.title = `${title}${document.title.match(/ \| [^|]*$/)?.[0] ?? ""}`;
  };
  const offer = () => {
    for (const place of document.querySelectorAll("[data-notify]")) {
      const [button, blocked] = [place.querySelector("button"), place.querySelector("[data-blocked]")];
      place.hidden = !("Notification" in window);
      if (place.hidden) continue;
      button.hidden = Notification.permission === "denied";
      blocked.hidden = !button.hidden;
      button.setAttribute("aria-pressed", String(wanted()));
    }
  };
  document.addEventListener("click", async (event) => {
    if (!event.target.closest("[data-notify] button")) return;
    try {
      if (wanted()) localStorage.removeItem(WANTED);
      else if ((await Notification.requestPermission()) === "granted") localStorage.setItem(WANTED, "1");
    } catch { /* it may not be remembered here */ }
    offer();
  });

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
    announcer = Object.assign(document.createElement("div"), { id: "live-announcer", className: "dr-offscreen", role: "status" });
    (document.querySelector("main") ?? document.body).append(announcer);
    hear();
    offer();
    setInterval(() => {
      // Not while someone selects text to copy it.
      if (document.getSelection()?.isCollapsed !== false) tick();
    }, 1000);
  });
})();
