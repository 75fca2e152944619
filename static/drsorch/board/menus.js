// The one menu of the board: things to press, or to tick, with a filter if they are many. The browser closes it on Escape
// and on a press elsewhere, and gives the focus back to where it was.
(() => {
  "use strict";

  const board = (window.drsorchBoard ??= {});
  board.MANY = 8; // more than that need a filter

  board.menu = (form) => {
    const menu = form.querySelector("[data-menu]");
    const [title, filter, list, note] = [menu.querySelector("h4"), menu.querySelector("input"), menu.querySelector("ul"), menu.querySelector("p")];
    let items = [];
    let opener = null;

    const every = () => [...list.querySelectorAll(".dr-board-item")];
    const shown = () => [...list.querySelectorAll("li:not([hidden]) .dr-board-item")];

    const place = (anchor) => {
      const { left, bottom, top } = anchor.getBoundingClientRect();
      const { offsetWidth: width, offsetHeight: height } = menu;
      const below = bottom + 4 + height <= window.innerHeight;
      menu.style.left = `${Math.max(8, Math.min(left, window.innerWidth - width - 8))}px`;
      menu.style.top = `${below ? bottom + 4 : Math.max(8, Math.min(top - 4 - height, window.innerHeight - height - 8))}px`;
    };

    const button = (item) => {
      const made = document.createElement("button");
      made.type = "button";
      made.className = "dr-board-item";
      if ("ticked" in item) {
        made.setAttribute("role", "checkbox");
        made.setAttribute("aria-checked", item.ticked());
      }
      made.append(item.label);
      if (item.note) made.append(Object.assign(document.createElement("small"), { textContent: item.note }));
      made.addEventListener("click", (event) => {
        item.press();
        every().forEach((each, place) => "ticked" in items[place] && each.setAttribute("aria-checked", items[place].ticked()));
        // Space and the mouse tick, and the menu stays; Enter says that this was all.
        if (!("ticked" in item) || event.detail === "done") menu.hidePopover();
      });
      return made;
    };

    const only = () => {
      const wanted = filter.value.trim().toLowerCase();
      for (const row of list.children) row.hidden = !row.textContent.toLowerCase().includes(wanted);
    };

    // `wanted`: {label, note, press, ticked}; `empty`: what to say if it is none.
    const open = (anchor, heading, wanted, empty = "") => {
      items = wanted;
      opener = form.contains(document.activeElement) ? document.activeElement : anchor;
      title.textContent = heading;
      note.textContent = wanted.length ? "" : empty;
      list.replaceChildren(...wanted.map((item) => {
        const row = document.createElement("li");
        row.append(button(item));
        return row;
      }));
      filter.value = "";
      filter.hidden = wanted.length <= board.MANY;
      menu.showPopover();
      place(anchor);
      (filter.hidden ? (shown()[0] ?? menu) : filter).focus({ preventScroll: true });
    };

    filter.addEventListener("input", only);
    menu.addEventListener("keydown", (event) => {
      const there = shown();
      const at = there.indexOf(document.activeElement);
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        const next = at + (event.key === "ArrowDown" ? 1 : -1);
        (there[next] ?? (next < 0 && !filter.hidden ? filter : there.at(next < 0 ? 0 : -1)))?.focus();
      } else if (event.key === "Enter") {
        (there[at] ?? there[0])?.dispatchEvent(new CustomEvent("click", { detail: "done" }));
      } else {
        event.stopPropagation(); // not a key of the card below
        return;
      }
      event.preventDefault();
      event.stopPropagation();
    });
    menu.addEventListener("toggle", (event) => {
      // It is told of later: the menu may be open again.
      if (event.newState !== "closed" || menu.matches(":popover-open")) return;
      if (document.activeElement === document.body || menu.contains(document.activeElement)) opener.focus({ preventScroll: true });
      if (document.activeElement === opener) opener.scrollIntoView({ block: "nearest", inline: "nearest" });
    });

    return { open };
  };
})();
