"use strict";
// The table's columns: name in the data, heading, what it means and which equation it comes from.
(() => {
  const share = (value) => `${(100 * value).toFixed(1)} %`;
  const three = (value) => value.toFixed(3);
  const whole = (value) => String(value);
  const yes = (value) => (value ? "yes" : "no");
  const branch = (value) => ["normal", "difficult", "simple"][value];
  const pair = (name, title, more) => [
    { key: `teacher_${name}`, title: `${title}, teacher`, source: "teacher", ...more },
    { key: `sam_${name}`, title: `${title}, SAM`, source: "sam", ...more },
  ];

  const COLUMNS = [
    { key: "iou", title: "IoU, teacher with SAM", format: three, help: "IoU of the teacher's and SAM's objects (p ≥ 0.5); 1 if both are empty" },
    { key: "segmenter_iou", title: "IoU, student with SAM", format: three, help: "the same of the student's and SAM's objects" },
    ...pair("weight", "w", { format: three, help: "weight of the whole image, from its entropy (eq 4)" }),
    { key: "sam_agreement", title: "views agree, SAM", source: "sam", format: three, help: "how far SAM's views agree: IoU of the smallest and the largest object that they leave possible; 1 if all say the same" },
    ...pair("entropy", "E", { format: three, help: "entropy of the label, 0 sure to 1 undecided (eq 5)" }),
    ...pair("pixel_weight", "mean u", { format: three, help: "mean weight of the pixels (eq 6)" }),
    ...pair("branch", "branch", { format: branch, help: "which form of the loss this label's entropy calls for (eq 12)" }),
    ...pair("truth", "IoU truth", { format: three, help: "IoU with the true mask at the models' size, where it is known; no training stage reads it" }),
    { key: "consensus_truth", title: "IoU truth, consensus", format: three, help: "the same of the consensus, which teaches SAM (eq 17)" },
    { key: "segmenter_truth", title: "IoU truth, student", format: three, help: "the same of the student" },
    ...pair("previous", "IoU before", { format: three, help: "IoU with the same source's object one stop earlier" }),
    { key: "segmenter_previous", title: "IoU before, student", format: three, help: "the same of the student" },
    ...pair("area", "area", { format: share, help: "share of the image that is object" }),
    ...pair("components", "parts", { format: whole, help: "connected parts of the object" }),
    ...pair("marks", "marks kept", { format: share, help: "share of the marked pixels that the label puts on the marked side" }),
    { key: "cold", title: "cold start", format: yes, help: "both see nothing, or are undecided everywhere" },
    { key: "change", title: "largest change", run: true, format: three, help: "1 − IoU of the teacher's object between two stops, the largest of all" },
    { key: "oscillation", title: "turns", run: true, format: whole, help: "how often the teacher's object changed direction on its way to the last one" },
    { key: "truth_area", title: "area, truth", run: true, format: share, help: "the true object's share of the image" },
    { key: "labelled", title: "has mask", run: true, format: yes, help: "training may use its mask" },
    { key: "marked", title: "marked px", run: true, format: whole, help: "pixels that you marked" },
    { key: "width", title: "width", run: true, format: whole, help: "of the original image, pixels" },
    { key: "height", title: "height", run: true, format: whole, help: "of the original image, pixels" },
  ];
  const BY_KEY = new Map(COLUMNS.map((column) => [column.key, column]));
  const SHOWN = {
    train: ["iou", "teacher_weight", "sam_weight", "sam_agreement", "teacher_branch", "sam_branch", "teacher_truth", "sam_truth", "change", "oscillation"],
    other: ["iou", "teacher_truth", "sam_truth", "segmenter_truth", "teacher_area", "sam_area", "truth_area", "change", "oscillation"],
  };

  const value = (data, table, key, row) => {
    const column = BY_KEY.get(key);
    const found = (column && column.run ? data.images : table)[key];
    return found === undefined ? null : found[row];
  };
  const text = (key, found) => (found === null || found === undefined ? "–" : BY_KEY.get(key).format(found));
  const chosen = (state) => {
    const own = state.columns.split(",").filter((key) => BY_KEY.has(key));
    return own.length ? own : SHOWN[state.split === "train" ? "train" : "other"];
  };

  SCALER.columns = { COLUMNS, BY_KEY, value, text, chosen };
})();
