"use strict";
// What is being looked at, kept in the address: every view can be linked to, and "back" goes back.
(() => {
  const DEFAULTS = {
    view: "overview", run: "a", stop: "", image: "", q: "", split: "train", branch: "", mask: "", ready: "", sort: "", range: "",
    order: "", columns: "", metric: "iou", on: "test", column: "iou", a: "", b: "", mode: "overlay", opacity: "60",
    label: "consensus",
  };
  const listeners = [];

  function read() {
    const given = new URLSearchParams(location.hash.slice(1));
    const state = { ...DEFAULTS };
    for (const name of Object.keys(DEFAULTS)) if (given.has(name)) state[name] = given.get(name);
    return state;
  }

  function address(changes = {}) {
    const state = { ...SCALER.state, ...changes };
    const words = new URLSearchParams();
    for (const [name, value] of Object.entries(state)) if (value !== DEFAULTS[name]) words.set(name, value);
    return `#${words}`;
  }

  function go(changes, { replace = false } = {}) {
    const target = address(changes);
    if (target === (location.hash || "#")) return;
    if (replace) history.replaceState(null, "", target);
    else history.pushState(null, "", target);
    changed();
  }

  function changed() {
    const before = SCALER.state;
    SCALER.state = read();
    for (const listener of listeners) listener(SCALER.state, before);
  }

  window.addEventListener("popstate", changed);
  window.addEventListener("hashchange", () => { if (address() !== (location.hash || "#")) changed(); });
  SCALER.state = read();
  Object.assign(SCALER, { go, address, onChange: (listener) => listeners.push(listener) });
})();
