// What a person does on the board: by button, by menu, by key, by dropping. Each is one edit of the state (state.js).
(() => {
  "use strict";

  const board = (window.drsorchBoard ??= {});

  // `on`: the parts of main.js. `on.state` is the state as it is at the moment.
  board.actions = (on) => {
    const { form, edit, say } = on;

    const keyOf = (card) => card.closest("[data-wave]")?.dataset.wave ?? null;
    const focus = (card) => {
      card.focus({ preventScroll: true });
      card.scrollIntoView({ block: "nearest", inline: "nearest" });
    };

    const rename = (key, isNew = false) => {
      const card = on.drawing.card(key);
      const [button, input] = [card.querySelector("[data-name]"), card.querySelector("[data-input]")];
      const name = board.nameOf(on.state, key);
      input.value = isNew ? "" : name;
      input.placeholder = name;
      const end = (isKept, refocus) => {
        input.onblur = input.onkeydown = null;
        input.hidden = true;
        button.hidden = false;
        if (refocus) focus(card);
        if (isNew && isKept) {
          // One thing to undo: the wave with its name.
          board.rename(on.state, key, input.value);
          on.show();
          say(`Wave ${board.nameOf(on.state, key)} added: it ${board.waits(on.state, board.wave(on.state, key))}.`);
        } else if (isKept) edit(() => board.rename(on.state, key, input.value));
        else if (isNew) on.undo();
      };
      input.onblur = () => end(true, false);
      input.onkeydown = (event) => {
        if (!["Enter", "Escape"].includes(event.key)) return;
        event.preventDefault();
        end(event.key === "Enter", true);
      };
      button.hidden = true;
      input.hidden = false;
      input.focus();
      input.select();
      card.scrollIntoView({ block: "nearest", inline: "nearest" });
    };
    const add = (after = null) => {
      let key = null;
      edit(() => { key = board.addWave(on.state, after); });
      rename(key, true);
    };
    const waitsMenu = (key, anchor) => on.menu.open(anchor, `${board.nameOf(on.state, key)} waits for…`, on.state.waves.filter((each) => each.key !== key).map((other) => ({
      label: other.name,
      note: board.chain(on.state, other.key, key) ? "waits for this one" : "",
      ticked: () => board.wave(on.state, key).waits_for.includes(other.key),
      press: () => void edit(() => (board.wave(on.state, key).waits_for.includes(other.key) ? board.unwait : board.wait)(on.state, key, other.key)),
    })), "There is no other wave yet.");
    const moveWaveMenu = (key, anchor) => on.menu.open(anchor, `Move ${board.nameOf(on.state, key)}`, [
      { label: "To the first column", note: "starts immediately", press: () => void edit(() => board.startImmediately(on.state, key)) },
      ...on.state.waves.filter((each) => each.key !== key).map((other) => ({
        label: `Beside ${other.name}`,
        note: board.waits(on.state, other),
        press: () => void edit(() => board.beside(on.state, key, other.key)),
      })),
    ]);
    const moveGroupMenu = (name, anchor) => {
      const here = keyOf(on.drawing.group(name));
      on.menu.open(anchor, `Move ${name} to…`, [
        ...on.state.waves.filter((each) => each.key !== here).map(({ key, name: wave }) => ({ label: wave, press: () => void edit(() => board.moveGroup(on.state, name, key)) })),
        { label: "A new wave", press: () => void newWaveOf(name) },
        ...(here ? [{ label: "Unassigned", press: () => void edit(() => board.moveGroup(on.state, name, null)) }] : []),
      ]);
    };
    const newWaveOf = (group) => edit(() => {
      const key = board.addWave(on.state);
      board.rename(on.state, key, board.freeName(on.state, group));
      board.moveGroup(on.state, group, key);
      return `Wave ${board.nameOf(on.state, key)} added with ${group}: it starts immediately.`;
    });
    const groupsMenu = (key, anchor) => {
      const names = [...form.querySelectorAll("[data-spare] [data-group]")].map((card) => card.dataset.group);
      on.menu.open(anchor, `Add groups to ${board.nameOf(on.state, key)}`, names.map((name) => ({
        label: name,
        note: on.drawing.group(name).querySelector(".dr-quiet")?.textContent ?? "",
        ticked: () => board.wave(on.state, key).groups.includes(name),
        press: () => void edit(() => board.moveGroup(on.state, name, board.wave(on.state, key).groups.includes(name) ? null : key)),
      })), "Every protection group is in a wave.");
    };
    const remove = (card, change) => {
      const next = on.keys.neighbour(card);
      const hadFocus = card.contains(document.activeElement);
      if (edit(change) && hadFocus) focus(next?.isConnected ? next : (on.keys.current() ?? form.querySelector('[data-do="add"]')));
    };

    const press = (button) => {
      const card = button.closest("[data-card]");
      const [key, group] = [card?.dataset.wave, card?.dataset.group];
      const does = {
        add: () => add(),
        next: () => add(key),
        rename: () => rename(key),
        waits: () => waitsMenu(key, button),
        groups: () => groupsMenu(key, button),
        move: () => (key ? moveWaveMenu(key, button) : moveGroupMenu(group, button)),
        delete: () => remove(card, () => board.deleteWave(on.state, key)),
        "take-out": () => remove(card, () => board.moveGroup(on.state, group, null)),
        // The form of a wave is of what is saved: its link leads there.
        edit: on.isUnsaved() && (() => on.save(board.nameOf(on.state, key))),
        undo: on.undo,
      }[button.dataset.do];
      if (!does) return false;
      does();
      return true;
    };

    // --- Alt and an arrow -----------------------------------------------------------------------------------------
    const moveGroup = (name, [across, along]) => {
      const order = [...board.columns(on.state).flat(), null];
      const here = keyOf(on.drawing.group(name));
      const groups = here === null ? [] : board.wave(on.state, here).groups;
      const place = groups.indexOf(name) + along;
      if (along && here !== null && place >= 0 && place < groups.length) return edit(() => board.moveGroup(on.state, name, here, place));
      const next = order[order.indexOf(here) + across + along];
      return next !== undefined && edit(() => board.moveGroup(on.state, name, next, across + along < 0 ? Infinity : 0));
    };
    const moveWave = (key, [across, along]) => {
      const columns = board.columns(on.state);
      const column = columns.findIndex((keys) => keys.includes(key));
      if (across) {
        const neighbour = columns[column + across]?.[0];
        return neighbour ? edit(() => board.beside(on.state, key, neighbour)) : say("There is no column on that side.", true);
      }
      const neighbour = columns[column][columns[column].indexOf(key) + along];
      return neighbour && edit(() => board.order(on.state, key, neighbour, along > 0));
    };

    // --- dropped --------------------------------------------------------------------------------------------------
    const dropped = (item, list, from) => {
      const { wave: key, group } = item.dataset;
      if (group && "fresh" in list.dataset) newWaveOf(group);
      else if (group) edit(() => board.moveGroup(on.state, group, keyOf(list), [...list.children].indexOf(item)));
      else {
        const [above, below] = [item.previousElementSibling, item.nextElementSibling];
        const neighbour = above ?? below;
        if (neighbour) edit(() => (list === from ? board.order : board.beside)(on.state, key, neighbour.dataset.wave, above !== null));
      }
      on.redraw();
    };
    const move = (card, way) => {
      if (card.dataset.wave) moveWave(card.dataset.wave, way);
      else moveGroup(card.dataset.group, way);
      focus(card);
    };
    // Pulled from one wave to another, or to where none is.
    const pulled = (from, to) => (to ? edit(() => board.wait(on.state, to, from)) : add(from));

    return { press, move, dropped, pulled };
  };
})();
