"use strict";
// One image: all its layers, an overlay or a swipe between two of them, round by round, and what the weighting did.
(() => {
  const { el } = SCALER;
  const MODES = [["overlay", "overlay"], ["outline", "outlines"], ["swipe", "swipe"]];
  let view = null;

  const layersOf = (train, maps) => SCALER.picture.LAYERS.filter((layer) => maps[layer.key]);

  function strip(maps, state) { // all layers, small; a click puts one into the viewer
    return el("div", { class: "strip" }, layersOf(true, maps).map((layer) => {
      const canvas = el("canvas");
      SCALER.picture.draw(canvas, layer.key, maps[layer.key]);
      const first = state.a === layer.key, second = state.b === layer.key;
      return SCALER.button("", () => SCALER.go(first ? { a: "" } : { a: layer.key, b: state.a || state.b }, { replace: true }),
        { class: `layer${first ? " first" : ""}${second ? " second" : ""}`, "aria-pressed": String(first || second), title: `show ${layer.title} in the viewer` })
        .appendChild(canvas).parentNode.appendChild(el("span", {}, layer.title)).parentNode;
    }));
  }

  const pair = (state, maps) => {
    const train = Boolean(maps.consensus);
    const a = maps[state.a] ? state.a : "teacher";
    const b = maps[state.b] && state.b !== a ? state.b : a === "sam" ? (train ? "teacher" : "truth") : "sam";
    return [a, b];
  };

  function viewer(maps, state) {
    const [a, b] = pair(state, maps);
    const titles = Object.fromEntries(SCALER.picture.LAYERS.map((layer) => [layer.key, layer.title]));
    const below = el("canvas", { class: "big" }), above = el("canvas", { class: "big above" });
    const frame = el("div", { class: "frame" }, below, above);
    if (state.mode === "swipe") {
      SCALER.picture.draw(below, b, maps[b]);
      SCALER.picture.draw(above, a, maps[a]);
      const place = el("input", { type: "range", min: 0, max: 100, value: 50, class: "swipe", "aria-label": `swipe from ${titles[a]} to ${titles[b]}`, oninput: () => cut(place.value) });
      const rule = el("i", { class: "divider" });
      const cut = (part) => { above.style.clipPath = `inset(0 ${100 - part}% 0 0)`; rule.style.left = `${part}%`; };
      frame.addEventListener("pointermove", (event) => {
        const box = frame.getBoundingClientRect();
        place.value = Math.max(0, Math.min(100, (100 * (event.clientX - box.left)) / box.width));
        cut(place.value);
      });
      frame.append(rule);
      cut(50);
      return el("div", {}, frame, el("p", { class: "legend" }, `left: ${titles[a]} · right: ${titles[b]}`), place);
    }
    above.remove();
    const paint = (opacity) => (state.mode === "outline"
      ? SCALER.picture.outline(below, maps, [b, a, ...(maps.truth ? ["truth"] : [])])
      : SCALER.picture.overlay(below, maps, [b, a].filter((key) => key !== "image"), opacity));
    paint(Number(state.opacity) / 100);
    const opacity = el("input", { type: "range", min: 0, max: 100, value: state.opacity, "aria-label": "opacity",
      oninput: (event) => paint(event.target.value / 100), onchange: (event) => SCALER.go({ opacity: event.target.value }, { replace: true }) });
    const shown = state.mode === "outline" ? [a, b, "truth"] : [a, b];
    const legend = el("p", { class: "legend" }, SCALER.picture.LAYERS.filter((layer) => shown.includes(layer.key) && maps[layer.key]).map((layer) => el("span", {},
      layer.colour ? el("i", { style: { background: `rgb(${layer.colour.join(",")})` } }) : null, layer.title)));
    return el("div", {}, frame, legend, state.mode === "overlay" ? el("label", { class: "field" }, el("span", {}, "opacity"), opacity) : null);
  }

  function slider(data, state, stop) {
    const names = data.run.stops.map((item) => item.name);
    const at = names.indexOf(stop);
    return el("div", { class: "slider" },
      SCALER.button("◀", () => SCALER.go({ stop: names[Math.max(0, at - 1)] }), { title: "previous stop: [", disabled: at === 0, "aria-label": "previous stop" }),
      el("input", { type: "range", min: 0, max: names.length - 1, step: 1, value: at, id: "stop", "aria-label": "stop", "aria-valuetext": SCALER.data.titleOf(data.run, stop),
        oninput: (event) => SCALER.go({ stop: names[event.target.value] }, { replace: true }) }),
      SCALER.button("▶", () => SCALER.go({ stop: names[Math.min(names.length - 1, at + 1)] }), { title: "the next stop: ]", disabled: at === names.length - 1, "aria-label": "next stop" }),
      el("b", {}, SCALER.data.titleOf(data.run, stop)));
  }

  function numbers(data, tables, row, stop) { // the columns over all stops
    const keys = ["teacher_weight", "sam_weight", "sam_agreement", "teacher_entropy", "sam_entropy", "teacher_branch", "sam_branch", "iou", "teacher_truth", "sam_truth", "segmenter_truth", "teacher_area", "sam_area", "teacher_components", "sam_components", "teacher_marks", "sam_marks"];
    const lines = keys.filter((key) => tables.some((table) => table[key][row] !== null)).map((key) => {
      const column = SCALER.columns.BY_KEY.get(key);
      return el("tr", {}, el("th", { scope: "row", title: column.help }, column.title),
        tables.map((table, i) => el("td", { class: `number${data.run.stops[i].name === stop ? " now" : ""}` }, SCALER.columns.text(key, table[key][row]))));
    });
    return el("table", { class: "numbers" }, el("thead", {}, el("tr", {}, el("th"), data.run.stops.map((item) => el("th", { scope: "col", class: item.name === stop ? "now" : "" }, item.title.replace("Initialization", "Init").replace("Round ", "R"))))), el("tbody", {}, lines));
  }

  function paths(data, stop, row, maps) { // where everything that is shown lies, ready to copy
    const { files } = data.run, split = SCALER.data.splitOf(data.run, row), first = data.run.splits[split][0], place = row - first;
    const quote = (text) => JSON.stringify(text);
    const list = [["image", files.data[split], "image", place], ["marks", files.data[split], "marks", place]];
    if (split === "train") {
      const own = files.stops[stop];
      for (const [layer, kind, name] of [["teacher", "segmenter_labels", "teacher"], ["consensus", "segmenter_labels", "probability"], ["segmenter", "segmenter_labels", "student"], ["sam", "sam_labels", "probability"]]) {
        const shard = own[kind].find(([, from, to]) => from <= place && place < to);
        if (shard) list.push([layer, shard[0], name, place - shard[1]]);
      }
      list.push(["truth", files.truth, "mask", place]);
    } else {
      for (const layer of ["teacher", "segmenter", "sam"]) list.push([layer, files.stops[stop].evaluation, `${split}/${layer}/prediction`, place]);
      list.push(["truth", files.data[split], "mask", place]);
    }
    const titles = Object.fromEntries(SCALER.picture.LAYERS.map((layer) => [layer.key, layer.title]));
    return el("details", { class: "paths" }, el("summary", {}, "Where this is stored (HDF5)"), el("table", {}, el("tbody", {}, list.filter(([layer]) => maps[layer]).map(([layer, path, name, index]) => {
      const text = `h5py.File(${quote(path)})[${quote(name)}][${index}]`;
      const button = SCALER.button("copy", () => SCALER.copy(text, button));
      return el("tr", {}, el("th", { scope: "row" }, titles[layer]), el("td", {}, el("code", {}, text)), el("td", {}, button));
    }))));
  }

  function chart(holder, data, tables, row) {
    const values = (key) => tables.map((table) => table[key][row]);
    const series = [["IoU truth, teacher", "teacher_truth", "--teacher"], ["IoU truth, SAM", "sam_truth", "--sam"], ["IoU, teacher with SAM", "iou", "--soft"], ["w teacher", "teacher_weight", "--teacher", [4, 4]], ["w SAM", "sam_weight", "--sam", [4, 4]]]
      .map(([label, key, colour, dash]) => ({ label, colour, dash, values: values(key) })).filter((item) => item.values.some((value) => value !== null));
    SCALER.charts.lines(holder, data.run.stops.map((stop) => stop.title), series, { height: 200, range: [0, 1], onpoint: (i) => SCALER.go({ stop: data.run.stops[i].name }) });
  }

  function marking(id) {
    const mark = SCALER.marks.get(id);
    return el("div", { class: "marking" }, SCALER.marks.VERDICTS.map((verdict) => SCALER.button(verdict,
      () => { SCALER.marks.set(id, { verdict: SCALER.marks.get(id).verdict === verdict ? "" : verdict }); SCALER.refresh(); },
      { class: `mark ${verdict}`, "aria-pressed": String(mark.verdict === verdict), title: `key ${verdict[0]}` })),
      el("input", { type: "text", value: mark.note, placeholder: "note", "aria-label": "note", maxLength: 500, onchange: (event) => SCALER.marks.set(id, { note: event.target.value }) }));
  }

  function neighbour(step) {
    const place = view.list.indexOf(view.row);
    const next = view.list[place + step];
    if (next !== undefined) SCALER.go({ image: view.data.images.id[next] });
  }

  async function show(page, state, before, fresh) {
    const data = await SCALER.data.load(state.run);
    const row = data.rows.get(state.image);
    if (row === undefined) {
      SCALER.fill(page, el("p", { class: "wait" }, "This run has no image called “", el("code", {}, state.image), "”. ", el("a", { href: SCALER.address({ view: "table", image: "" }) }, "All images")));
      return;
    }
    const stop = SCALER.data.stopOf(data, state);
    const [maps, list, ...tables] = await Promise.all([SCALER.picture.maps(data, stop, row), SCALER.current(state), ...data.run.stops.map((item) => SCALER.data.table(data, item.name))]);
    if (!fresh()) return; // another image has been asked for meanwhile
    view = { data, row, list };
    const place = list.indexOf(row);
    const held = document.activeElement && document.activeElement.id;
    const table = tables[data.run.stops.findIndex((item) => item.name === stop)];
    const holder = el("div", { class: "plot" });
    SCALER.fill(page, 
      el("div", { class: "where" },
        el("a", { href: SCALER.address({ view: "table" }) }, "← images"),
        el("h1", {}, data.images.id[row]),
        el("span", { class: "soft" }, `${SCALER.data.splitOf(data.run, row)}${data.images.labelled[row] && row < data.run.splits.train[1] ? ", has a mask" : ""}, ${data.images.width[row]} × ${data.images.height[row]} px`),
        el("span", { class: "steps" }, SCALER.button("previous", () => neighbour(-1), { disabled: place <= 0, title: "key ←" }), place < 0 ? "not in the list" : ` ${place + 1} of ${list.length} `, SCALER.button("next", () => neighbour(1), { disabled: place < 0 || place === list.length - 1, title: "key →" })),
        marking(data.images.id[row])),
      slider(data, state, stop),
      el("div", { class: "detail" },
        el("section", {}, SCALER.select("viewer", MODES, state.mode, (mode) => SCALER.go({ mode }, { replace: true })), viewer(maps, state)),
        el("section", {}, strip(maps, state), el("div", { class: "sentences" }, SCALER.sentences(data, table, stop, row).map((text) => el("p", {}, text))))),
      el("div", { class: "two" }, el("section", {}, el("h2", {}, "Over the stops"), holder), el("section", {}, el("h2", {}, "Numbers"), numbers(data, tables, row, stop))),
      paths(data, stop, row, maps));
    chart(holder, data, tables, row);
    if (held && document.getElementById(held)) document.getElementById(held).focus();
  }

  function key(event) {
    if (!view) return false;
    const steps = { ArrowRight: 1, ArrowLeft: -1, j: 1, k: -1 };
    if (event.key in steps) neighbour(steps[event.key]);
    else if (event.key === "Escape") SCALER.go({ view: "table" });
    else return SCALER.verdictKey(event, view.data.images.id[view.row], SCALER.refresh);
    return true;
  }

  SCALER.pages.detail = { title: "Image", show, key };
})();
