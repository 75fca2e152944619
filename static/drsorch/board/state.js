// What the board edits, and every edit. No page here: a state is what the server wrote into the form (plans/core/editing.py),
// {waves: [{key, was, name, waits_for: [keys], groups: [names]}], deleted: [names]}, in the order of the plan. An edit
// changes it and returns what to say of it, or throws Refused with a sentence. Where a wave stands never decides what it
// waits for: `waits_for` does, and the server says in words what saving would change of it.
(() => {
  "use strict";

  const board = (window.drsorchBoard ??= {});

  class Refused extends Error {}

  const wave = (state, key) => state.waves.find((each) => each.key === key);
  const nameOf = (state, key) => wave(state, key).name;
  const listing = (names) => (names.length > 1 ? `${names.slice(0, -1).join(", ")} and ${names.at(-1)}` : (names[0] ?? ""));
  const names = (state, keys) => listing(keys.map((key) => nameOf(state, key)));
  const waits = (state, one) => (one.waits_for.length ? `waits for ${names(state, one.waits_for)}` : "starts immediately");
  const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

  // Names along the way by which `from` waits for `to`; null if it does not.
  const chain = (state, from, to, seen = new Set()) => {
    if (from === to) return [from];
    if (seen.has(from)) return null;
    seen.add(from);
    for (const next of wave(state, from).waits_for) {
      const rest = chain(state, next, to, seen);
      if (rest) return [from, ...rest];
    }
    return null;
  };

  const checkNoCircle = (state, key, wanted) => {
    if (key === wanted) throw new Refused(`${nameOf(state, key)} cannot wait for itself.`);
    const circle = chain(state, wanted, key);
    if (!circle) return;
    const steps = circle.slice(1).map((next, place) => `${nameOf(state, circle[place])} waits for ${nameOf(state, next)}`);
    throw new Refused(`${nameOf(state, key)} cannot wait for ${nameOf(state, wanted)}, because ${listing(steps)}.`);
  };

  const inOrder = (state, keys) => state.waves.map((each) => each.key).filter((key) => keys.includes(key));

  const setWaits = (state, key, wanted) => {
    for (const other of wanted) checkNoCircle(state, key, other);
    wave(state, key).waits_for = inOrder(state, wanted);
  };

  // Columns to draw, each a list of keys: what starts immediately, then what waits only for waves of columns before.
  const columns = (state) => {
    const of = new Map();
    const column = (key) => {
      if (!of.has(key)) of.set(key, 1 + Math.max(-1, ...wave(state, key).waits_for.map(column)));
      return of.get(key);
    };
    const found = [];
    for (const { key } of state.waves) (found[column(key)] ??= []).push(key);
    return found;
  };

  const freeName = (state, wanted) => {
    const taken = new Set(state.waves.map((each) => each.name));
    if (wanted && !taken.has(wanted)) return wanted;
    let number = state.waves.length;
    while (taken.has(`Wave ${number}`)) number += 1;
    return `Wave ${number}`;
  };

  let made = 0;
  // Returns its key.
  const addWave = (state, after = null) => {
    made += 1;
    const key = `n${made}-${state.waves.length}`;
    state.waves.push({ key, was: null, name: "", waits_for: after ? [after] : [], groups: [] });
    wave(state, key).name = freeName(state);
    return key;
  };

  const rename = (state, key, name) => {
    const one = wave(state, key);
    const before = one.name;
    one.name = name.trim().normalize("NFC") || before;
    return one.name === before ? "" : `${before} is now called ${one.name}.`;
  };

  // What waited for it waits for what it waited for.
  const deleteWave = (state, key) => {
    const gone = wave(state, key);
    state.waves = state.waves.filter((each) => each !== gone);
    if (gone.was !== null) state.deleted.push(gone.was);
    const said = [`Wave ${gone.name} deleted.`];
    for (const other of state.waves.filter((each) => each.waits_for.includes(key))) {
      other.waits_for = inOrder(state, [...other.waits_for.filter((each) => each !== key), ...gone.waits_for]);
      said.push(`${other.name} ${waits(state, other)}.`);
    }
    if (gone.groups.length) said.push(`Unassigned now: ${listing(gone.groups)}.`);
    return said.join(" ");
  };

  const wait = (state, key, wanted) => {
    setWaits(state, key, [...wave(state, key).waits_for, wanted]);
    return `${nameOf(state, key)} waits for ${nameOf(state, wanted)}.`;
  };

  const unwait = (state, key, wanted) => {
    setWaits(state, key, wave(state, key).waits_for.filter((each) => each !== wanted));
    return `${nameOf(state, key)} does not wait for ${nameOf(state, wanted)}. It ${waits(state, wave(state, key))}.`;
  };

  const startImmediately = (state, key) => {
    setWaits(state, key, []);
    return `${nameOf(state, key)} starts immediately.`;
  };

  // Only where it stands in its column.
  const order = (state, key, neighbour, after) => {
    const moved = wave(state, key);
    state.waves = state.waves.filter((each) => each !== moved);
    state.waves.splice(state.waves.indexOf(wave(state, neighbour)) + (after ? 1 : 0), 0, moved);
    for (const each of state.waves) each.waits_for = inOrder(state, each.waits_for);
    return `${moved.name} is ${after ? "below" : "above"} ${nameOf(state, neighbour)}. What it waits for is unchanged.`;
  };

  // Into the column of another wave: it waits for the same.
  const beside = (state, key, neighbour, after = true) => {
    setWaits(state, key, wave(state, neighbour).waits_for);
    order(state, key, neighbour, after);
    return `${nameOf(state, key)} is beside ${nameOf(state, neighbour)}: it ${waits(state, wave(state, key))}.`;
  };

  // Into a wave, at a place in it or at its end; without a key, out of the plan.
  const moveGroup = (state, group, key, place = Infinity) => {
    for (const each of state.waves) each.groups = each.groups.filter((name) => name !== group);
    if (key === null) return `${group} is unassigned.`;
    wave(state, key).groups.splice(place, 0, group);
    return `${group} is in ${nameOf(state, key)}.`;
  };

  Object.assign(board, {
    Refused, wave, nameOf, waits, capital, chain, columns, freeName, addWave, rename, deleteWave, wait, unwait,
    startImmediately, order, beside, moveGroup,
  });
})();
