// Dragging by SortableJS: a group into a wave, out of all of them, or onto “Add wave”; a wave beside another one. What was
// dropped is read once, and the board is drawn again from its state, so that a refusal puts everything back.
(() => {
  "use strict";

  const board = (window.drsorchBoard ??= {});
  const COMMON = {
    animation: 120,
    forceFallback: true,
    fallbackOnBody: true,
    fallbackTolerance: 4,
    delay: 150,
    delayOnTouchOnly: true,
    ghostClass: "is-ghost",
    chosenClass: "is-chosen",
    filter: "button, input",
    preventOnFilter: false,
    scrollSensitivity: 60,
  };

  // `dropped(item, to, from)` when one was let go, `moving()` on the way, `busy(isBusy)` from the first to the last moment.
  board.dragging = ({ dropped, moving, busy }) => {
    const onEnd = (event) => {
      busy(false);
      dropped(event.item, event.to, event.from);
    };
    const common = { ...COMMON, onStart: () => busy(true), onChange: moving, onEnd };
    const groups = (list) => new Sortable(list, { ...common, group: "groups", draggable: "[data-group]" });
    const waves = (list) => new Sortable(list, { ...common, group: "waves", draggable: "[data-wave]", handle: ".dr-board-handle" });
    return { groups, waves };
  };
})();
