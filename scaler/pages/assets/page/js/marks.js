"use strict";
// What the reader marks: accept, reject, annotate, with a note; kept by the browser under the run's fingerprint.
(() => {
  const VERDICTS = ["accept", "reject", "annotate"];
  const listeners = [];
  let name = "";
  let marks = new Map(); // id -> {verdict, note}
  let kept = true; // whether the browser lets the page keep anything; from file:// some do not

  const clean = (mark) => ({
    verdict: mark && VERDICTS.includes(mark.verdict) ? mark.verdict : "",
    note: mark && typeof mark.note === "string" ? mark.note.slice(0, 2000) : "",
  });
  const cleaned = (entries) => new Map(entries.map(([id, mark]) => [id, clean(mark)]).filter(([, mark]) => mark.verdict || mark.note));

  function read() {
    try {
      return cleaned(Object.entries(JSON.parse(localStorage.getItem(name) || "{}")));
    } catch {
      kept = false;
      return new Map();
    }
  }

  function open(fingerprint) {
    name = `scaler-marks-${fingerprint}`;
    kept = true;
    marks = read();
  }

  function changed() {
    for (const listener of listeners) listener();
  }

  function replace(entries) { // with [[id, mark]]
    marks = cleaned(entries);
    try {
      localStorage.setItem(name, JSON.stringify(Object.fromEntries(marks)));
      kept = true;
    } catch { kept = false; }
    changed();
  }

  const get = (id) => marks.get(id) || { verdict: "", note: "" };
  const set = (id, change) => replace([...new Map(marks).set(id, { ...get(id), ...change })]);
  const setMany = (ids, verdict) => replace([...marks, ...ids.map((id) => [id, { ...get(id), verdict }])]);

  addEventListener("storage", (event) => { // another tab has marked something
    if (event.key !== name) return;
    marks = read();
    changed();
  });

  SCALER.marks = {
    VERDICTS, open, get, set, setMany, replace,
    all: () => [...marks], onChange: (listener) => listeners.push(listener), isKept: () => kept,
  };
})();
