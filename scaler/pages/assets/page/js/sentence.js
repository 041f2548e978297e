"use strict";
// What the weighting did with one image at one stop, in sentences with the paper's equation numbers.
(() => {
  const two = (value) => value.toFixed(2);

  function branchWords(branch, weighting, phase) {
    const high = weighting.difficult_entropy, low = weighting.simple_entropy; // null: that branch is switched off
    if (branch === 1) {
      const trusted = phase.difficult_trust === "agreement"
        ? "only pixels on which teacher and SAM agree count"
        : `only pixels with p ≤ ${weighting.trusted_low} or p ≥ ${weighting.trusted_high} count (eq 9)`;
      return `E ≥ ${high}: difficult, ${trusted}, in the loss of eq 10`;
    }
    if (branch === 2) return `E ≤ ${low}: simple, the strongly augmented view learns from it too (eq 11)`;
    const range = low === null ? (high === null ? "" : `E below ${high}: `) : high === null ? `E above ${low}: ` : `E between ${low} and ${high}: `;
    return `${range}normal, every pixel counts by its weight (eq 7-8)`;
  }

  function source(name, table, prefix, row, data) {
    const entropy = table[`${prefix}_entropy`][row], agreement = prefix === "sam" ? table.sam_agreement[row] : null;
    if (entropy === null) return `${name}: its labels at this stop have not been made.`;
    const { weighting, phase_one: phase } = data.run.params, byViews = weighting.image_weight === "agreement" && prefix === "sam";
    const forms = { linear: "1 − E", exponential: "exp(−E)", quadratic: "(1 − E)²", none: "every image the same", agreement: "1 − E" };
    return `${name}: entropy E = ${two(entropy)} (eq 5)${agreement === null ? "" : `, and its views agree to ${two(agreement)}`}; the image weighs`
      + ` w = ${two(table[`${prefix}_weight`][row])} (eq 4, ${byViews ? "the agreement of the views" : forms[weighting.image_weight]}) and its pixels on average`
      + ` u = ${two(table[`${prefix}_pixel_weight`][row])} (eq 6). ${branchWords(table[`${prefix}_branch`][row], weighting, phase)}.`;
  }

  function used(stop) {
    if (stop === "init") return "At the initialization both models have seen the labelled images only; SAM's labels teach the segmenter in the warm-up.";
    return "Whichever model is trained next learns from the newest labels of the other: the segmenter from SAM's (eq 7), SAM from the consensus (eq 16-17).";
  }

  // Sentences, and what is missing where there are no labels.
  SCALER.sentences = (data, table, stop, row) => {
    const split = SCALER.data.splitOf(data.run, row);
    if (split !== "train") return ["A " + (split === "val" ? "validation" : "test") + " image: nothing learned from it. Shown are predictions, which have no weights; there is no consensus."];
    const list = [];
    if (data.images.labelled[row]) list.push("Training uses this image's mask (eq 13-14); its pseudo-labels are shown for comparison only.");
    list.push(source("Teacher", table, "teacher", row, data), source("SAM", table, "sam", row, data), used(stop));
    if (table.cold[row]) list.push("Cold start: both see nothing, or are undecided everywhere. A mask for this image would help most.");
    const kept = table.teacher_marks[row];
    if (kept !== null && Math.min(kept, table.sam_marks[row]) < 1) list.push("Teacher or SAM contradicts your marks here: see the layer “marks”.");
    return list;
  };
})();
