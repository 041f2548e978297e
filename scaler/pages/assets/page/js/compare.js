"use strict";
// Two runs side by side: metrics at their ends and over their stops, and image by image where both know the image.
(() => {
  const { el, select } = SCALER;
  const COLUMNS = ["segmenter_truth", "teacher_truth", "sam_truth", "iou", "teacher_weight", "sam_weight", "sam_agreement", "change"];
  const ORDERS = [["both", "largest difference first"], ["up", "B higher first"], ["down", "B lower first"]];
  const SHOWN = 200; // rows built at once
  const CHANGED = 0.05; // a difference worth counting
  let order = "both";

  const number = (value) => (value === null || value === undefined ? "–" : value.toFixed(3));
  const difference = (x, y) => (x === null || y === null ? "–" : `${y >= x ? "+" : "−"}${Math.abs(y - x).toFixed(3)}`);
  const verdict = (gain) => (gain > 0.0005 ? "better" : gain < -0.0005 ? "worse" : "");
  const heads = (titles) => titles.map((title) => el("th", { scope: "col", class: "number" }, title));

  function metrics(a, b, on) {
    const models = Object.entries(a.run.models);
    const rows = Object.entries(a.run.metrics).map(([key, metric]) => el("tr", {}, el("th", { scope: "row", title: metric.meaning }, metric.label + (metric.lower ? " ↓" : "")),
      models.map(([model]) => {
        const [x, y] = [a, b].map(({ run }) => run.curves[on][model]?.[key]?.at(-1) ?? null);
        const gain = x === null || y === null ? 0 : metric.lower ? x - y : y - x;
        return [el("td", { class: "number" }, number(x)), el("td", { class: "number" }, number(y)), el("td", { class: `number ${verdict(gain)}` }, difference(x, y))];
      }).flat()));
    return el("div", { class: "wide" }, el("table", { class: "numbers" }, el("thead", {},
      el("tr", {}, el("td"), models.map(([, title]) => el("th", { colSpan: 3, scope: "colgroup", class: "number" }, title))),
      el("tr", {}, el("td"), models.map(() => heads(["A", "B", "B − A"])).flat())), el("tbody", {}, rows)));
  }

  // Both runs' curves of one metric; a run with fewer stops ends earlier.
  function curves(holder, a, b, on, metric) {
    const longer = a.run.stops.length >= b.run.stops.length ? a : b;
    const series = Object.entries(a.run.models).flatMap(([model, title]) => [[a, "A"], [b, "B"]].map(([{ run }, name]) => ({
      label: `${title}, ${name}`, colour: SCALER.charts.STYLE[model].colour, dash: name === "B" ? [5, 4] : undefined,
      values: longer.run.stops.map((stop) => run.curves[on][model]?.[metric]?.[run.stops.findIndex((own) => own.name === stop.name)] ?? null),
    })));
    SCALER.charts.lines(holder, longer.run.stops.map((stop) => stop.title), series, { height: 240 });
  }

  // [id, value in A, value in B] of the images of a split that both runs know, at the ends of both.
  async function pairs(a, b, split, key) {
    const [one, two] = await Promise.all([a, b].map((data) => SCALER.data.table(data, SCALER.data.last(data.run))));
    const [first, last] = a.run.splits[split], found = [];
    let shared = 0;
    for (let row = first; row < last; row++) {
      const other = b.rows.get(a.images.id[row]);
      if (other === undefined) continue;
      shared += 1;
      const x = SCALER.columns.value(a, one, key, row), y = SCALER.columns.value(b, two, key, other);
      if (x !== null && y !== null) found.push([a.images.id[row], x, y]);
    }
    const score = { both: ([, x, y]) => -Math.abs(y - x), up: ([, x, y]) => x - y, down: ([, x, y]) => y - x }[order];
    return { list: found.sort((p, q) => score(p) - score(q)), shared, count: last - first };
  }

  function images(a, b, split, key, { list, shared, count }) {
    const link = (run, id, value) => el("a", { href: SCALER.address({ view: "detail", run, image: id, split, stop: "", ready: "", q: "", range: "" }), "aria-label": `${id} in run ${run.toUpperCase()}: ${number(value)}` }, number(value));
    const line = ([id, x, y]) => el("tr", { dataset: { id } }, el("th", { scope: "row" }, id), el("td", { class: "number" }, link("a", id, x)), el("td", { class: "number" }, link("b", id, y)),
      el("td", { class: `number ${key.endsWith("truth") ? verdict(y - x) : ""}` }, difference(x, y)));
    const body = el("tbody", {}, list.slice(0, SHOWN).map(line));
    const more = SCALER.button(`show more (${list.length - SHOWN})`, () => {
      body.append(...list.slice(body.children.length, body.children.length + SHOWN).map(line));
      more.textContent = `show more (${list.length - body.children.length})`;
      more.hidden = body.children.length >= list.length;
    });
    more.hidden = list.length <= SHOWN;
    const up = list.filter(([, x, y]) => y - x > CHANGED).length, down = list.filter(([, x, y]) => x - y > CHANGED).length;
    const titles = COLUMNS.map((name) => [name, SCALER.columns.BY_KEY.get(name).title]);
    return el("section", {}, el("h2", {}, "Image by image"),
      el("div", { class: "filters" },
        select("images", Object.keys(a.run.splits).map((name) => [name, name]), split, (value) => SCALER.go({ split: value }, { replace: true })),
        select("by", titles, key, (value) => SCALER.go({ column: value }, { replace: true })),
        select("order", ORDERS, order, (value) => { order = value; SCALER.refresh(); })),
      el("p", { class: "about" }, `${SCALER.columns.BY_KEY.get(key).help}. Of ${count} ${split} images of A, B knows ${shared}; ${list.length} have this value in both. `,
        `B is higher by more than ${CHANGED} in ${up}, lower in ${down}.`),
      list.length ? el("table", { class: "numbers" }, el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "image"), heads(["A", "B", "B − A"]))), body) : el("p", { class: "wait" }, "No image has this value in both runs."), more);
  }

  async function show(page, state, before, fresh) {
    const [a, b] = await Promise.all(["a", "b"].map(SCALER.data.load));
    const split = a.run.splits[state.split] ? state.split : "test", on = a.run.curves[state.on] ? state.on : "test";
    const key = COLUMNS.includes(state.column) ? state.column : "iou", metric = a.run.metrics[state.metric] ? state.metric : "iou";
    const found = await pairs(a, b, split, key);
    if (fresh && !fresh()) return;
    const end = ({ run }) => [el("code", {}, run.path), `, ${SCALER.data.titleOf(run, SCALER.data.last(run))}`];
    const holder = el("div", { class: "plot" }), top = before && before.view === "compare" ? scrollY : 0;
    page.replaceChildren(el("div", { class: "compare" },
      el("section", {}, el("h1", {}, "A and B at their ends"), el("p", {}, "A: ", ...end(a), ". B: ", ...end(b), "."),
        el("div", { class: "filters" }, select("on", [["test", "test"], ["val", "validation"]], on, (value) => SCALER.go({ on: value }, { replace: true }))), metrics(a, b, on)),
      el("section", {}, el("h2", {}, "Stop by stop"),
        el("div", { class: "filters" }, select("metric", Object.entries(a.run.metrics).map(([name, item]) => [name, item.label]), metric, (value) => SCALER.go({ metric: value }, { replace: true }))),
        el("p", { class: "about" }, `${a.run.metrics[metric].meaning}. Lines: A; dashes: B.`), holder),
      images(a, b, split, key, found)));
    curves(holder, a, b, on, metric);
    scrollTo(0, top);
  }

  SCALER.pages.compare = { title: "A and B", show };
})();
