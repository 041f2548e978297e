"use strict";
// Ready views: which rows, in which order, and a sentence that says so. `at` reads a column of a row at the stop.
(() => {
  const known = (...values) => values.filter((value) => value !== null && value !== undefined);
  const least = (at, ...keys) => { const found = known(...keys.map(at)); return found.length ? Math.min(...found) : null; };
  const WRONG = 0.5; // IoU below which a label counts as wrong
  const SURE = 0.7; // w from which on an image counts as trusted

  const confidence = (at, source) => {
    const weight = at(`${source}_weight`), iou = at(`${source}_truth`);
    return weight === null || iou === null || weight < SURE || iou >= WRONG ? null : weight * (1 - iou);
  };

  const VIEWS = [
    { key: "changed", title: "Most changed", score: (at) => -at("change"), keep: (at) => at("change") > 0.1,
      tells: "The teacher's object moved by more than a tenth (1 − IoU) between two stops; largest change first." },
    { key: "disagreement", title: "Most in disagreement", score: (at) => at("iou"), keep: (at) => at("iou") < 0.5,
      tells: "Teacher and SAM overlap by less than half at this stop; least overlap first." },
    { key: "weight", title: "Lowest weight", score: (at) => least(at, "teacher_weight", "sam_weight"),
      keep: (at) => { const w = least(at, "teacher_weight", "sam_weight"); return w !== null && w < 0.5; },
      tells: "A label of teacher or SAM weighs less than half (w < 0.5, eq 4); lowest first." },
    { key: "marks", title: "Contradicts your marks", score: (at) => least(at, "teacher_marks", "sam_marks"),
      keep: (at) => { const kept = least(at, "teacher_marks", "sam_marks"); return kept !== null && kept < 1; },
      tells: "Teacher or SAM contradicts pixels that you marked; most contradictions first." },
    { key: "cold", title: "Empty in both (cold start)", score: (at) => at("teacher_entropy"), keep: (at) => at("cold") === true,
      tells: "Both see nothing, or are undecided everywhere, so neither can teach the other. Masks for these images help most." },
    { key: "oscillating", title: "Oscillating", score: (at) => -at("oscillation"), keep: (at) => at("oscillation") >= 2,
      tells: "The teacher's object changed direction at least twice on its way to its final shape." },
    { key: "sure", title: "High weight but wrong",
      score: (at) => -Math.max(confidence(at, "teacher") ?? 0, confidence(at, "sam") ?? 0),
      keep: (at) => confidence(at, "teacher") !== null || confidence(at, "sam") !== null,
      tells: "A label has a high weight (w ≥ 0.7) but overlaps the known truth by less than half." },
    { key: "worst", title: "Farthest from the truth", score: (at) => least(at, "teacher_truth", "sam_truth"),
      keep: (at) => { const iou = least(at, "teacher_truth", "sam_truth"); return iou !== null && iou < WRONG; },
      tells: "Teacher or SAM overlaps the known truth by less than half; lowest first." },
  ];

  // Rows of a split that pass the filters of the state, in its order.
  function rows(data, table, state) {
    const view = VIEWS.find((item) => item.key === state.ready);
    const [first, last] = data.run.splits[state.split] || [0, data.run.count];
    const words = state.q.toLowerCase();
    const reader = (row) => (key) => SCALER.columns.value(data, table, key, row);
    const found = [], within = rangeOf(state);
    for (let row = first; row < last; row++) {
      if (words && !data.images.id[row].toLowerCase().includes(words)) continue;
      if (state.mask && data.images.labelled[row] !== (state.mask === "yes")) continue;
      if (state.branch && ![table.teacher_branch[row], table.sam_branch[row]].includes(Number(state.branch))) continue;
      if (view && !view.keep(reader(row))) continue;
      if (within && !within.holds(reader(row)(within.key))) continue;
      found.push(row);
    }
    const key = state.sort;
    const score = key ? (row) => SCALER.columns.value(data, table, key, row) : view && ((row) => view.score(reader(row)));
    const sign = key && state.order === "down" ? -1 : 1;
    if (key === "id") found.sort((a, b) => sign * (data.images.id[a] < data.images.id[b] ? -1 : 1));
    else if (score) sortBy(found, score, sign);
    return found;
  }

  // "KEY~LOW~HIGH" of the address: only images whose value lies there, both ends included; null without one.
  function rangeOf(state) {
    const [key, low, high] = state.range.split("~");
    if (!SCALER.columns.BY_KEY.has(key) || !(Number(low) <= Number(high))) return null;
    return { key, low, high, holds: (value) => typeof value === "number" && value >= Number(low) && value <= Number(high) };
  }

  function sortBy(list, score, sign) { // stable; what has no value comes last, whichever way
    const scores = new Map(list.map((row) => [row, score(row)]));
    list.sort((a, b) => {
      const x = scores.get(a), y = scores.get(b);
      if (x === null || y === null) return (x === null) - (y === null);
      return sign * (x - y);
    });
  }

  SCALER.views = { VIEWS, rows, rangeOf };
})();
