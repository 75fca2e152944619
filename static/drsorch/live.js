// Parts of a page that htmx renews every few seconds ([data-live]). What the reader does to them outlives a renewal:
// sections they opened or closed, keyboard focus, a text selection, how far they scrolled a part that scrolls
// ([data-scroll]). When renewing fails, the page says so.
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

  document.addEventListener("htmx:beforeSwap", (event) => {
    const element = event.target;
    if (!isLive(element)) return;
    if (event.detail.xhr.status === 200 && selecting(element)) {
      event.detail.shouldSwap = false; // someone selects text to copy it: the next renewal will do
      return;
    }
    focused = element.contains(document.activeElement) ? document.activeElement.id : null;
    scrolled = [...element.querySelectorAll("[data-scroll][id]")].map((part) => [part.id, part.scrollLeft, part.scrollTop]);
  });

  document.addEventListener("htmx:afterSwap", (event) => {
    if (!isLive(event.target)) return;
    const element = document.getElementById(event.target.id);
    if (element === null) return;
    for (const section of element.querySelectorAll("details[id]")) {
      if (chosen.has(section.id)) section.open = chosen.get(section.id);
    }
    for (const [id, left, top] of scrolled) document.getElementById(id)?.scrollTo(left, top);
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  });

  const say = (shown) => (event) => {
    if (isLive(event.target) && stale() !== null) stale().hidden = !shown;
  };
  document.addEventListener("htmx:sendError", say(true));
  document.addEventListener("htmx:timeout", say(true));
  document.addEventListener("htmx:responseError", say(true));
  document.addEventListener("htmx:afterSwap", say(false));
})();
