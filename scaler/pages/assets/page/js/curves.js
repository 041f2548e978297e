"use strict";
// Curves over the stops: metrics of the three models, shares of the branches, and distributions over the images.
(() => {
  const { el, select } = SCALER;
  const GROUPS = [
    ["Agreement: with each other, and with themselves a stop earlier", ["iou", "teacher_previous", "sam_previous"]],
    ["Weights and entropies of the labels", ["teacher_weight", "sam_weight", "sam_agreement", "teacher_entropy", "sam_entropy", "teacher_pixel_weight", "sam_pixel_weight"]],
    ["Against the truth, where it is known", ["teacher_truth", "sam_truth", "segmenter_truth"]],
    ["The objects", ["teacher_area", "sam_area", "teacher_components", "sam_components", "teacher_marks", "sam_marks"]],
  ];
  const FREE = /area|components/; // columns whose axis is not 0 to 1
  const BANDS = [["lowest to 5 %", 0, 1], ["5 to 25 %", 1, 2], ["25 to 50 %", 2, 3], ["50 to 75 %", 3, 4], ["75 to 95 %", 4, 5], ["95 % to highest", 5, 6]];
  const BRANCHES = SCALER.charts.BRANCHES.map((name) => [`--${name}`, name]);
  const colourOf = (key) => (key.startsWith("teacher") ? "--teacher" : key.startsWith("sam") ? "--sam" : key.startsWith("segmenter") ? "--segmenter" : "--accent");
  const column = (key) => SCALER.columns.BY_KEY.get(key);
  const titlesOf = (run) => run.stops.map((stop) => stop.title);
  const plain = { view: "table", image: "", q: "", ready: "", branch: "", mask: "", range: "", sort: "", order: "", columns: "" };

  function columnsWith(key) {
    const shown = SCALER.columns.chosen({ ...SCALER.state, columns: "" });
    return shown.includes(key) ? "" : [key, ...shown].join(",");
  }

  // The table of the images of one band of quantiles: from the tail that it belongs to, inwards.
  function imagesOf(stop, split, key, quantiles, [, low, high]) {
    return { ...plain, stop, split, sort: key, order: low >= 3 ? "down" : "", range: `${key}~${quantiles[low]}~${quantiles[high]}`, columns: columnsWith(key) };
  }

  function distribution(holder, { run }, split, key) {
    const quantiles = run.stops.map((stop) => run.distributions[stop.name][split][key] || null), colour = colourOf(key);
    const line = (label, i, width, dash) => ({ label, colour, values: quantiles.map((list) => list && list[i]), width, dash });
    const series = [line("95 %", 5, 0), line("75 %", 4, 1, [3, 3]), line("median", 3, 2), line("25 %", 2, 1, [3, 3]), line("5 %", 1, 0)];
    SCALER.charts.lines(holder, titlesOf(run), series, {
      height: 200, bands: [[0, 4, 0.12], [1, 3, 0.22]], range: FREE.test(key) ? null : [0, 1],
      onpoint: (i, y) => {
        if (!quantiles[i]) return;
        const band = BANDS.find(([, , high]) => y <= quantiles[i][high]) || BANDS.at(-1);
        SCALER.go(imagesOf(run.stops[i].name, split, key, quantiles[i], band));
      },
    });
  }

  function figures({ run }, split, key) { // the same in numbers, each a way to its images; built when it is opened
    const stops = run.stops.filter((stop) => run.distributions[stop.name][split][key]);
    const cell = (stop, band) => {
      const quantiles = run.distributions[stop.name][split][key];
      return el("td", { class: "number" }, el("a", { href: SCALER.address(imagesOf(stop.name, split, key, quantiles, band)) }, `${column(key).format(quantiles[band[1]])} – ${column(key).format(quantiles[band[2]])}`));
    };
    const table = () => el("table", { class: "numbers" }, el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "of the images"), stops.map((stop) => el("th", { scope: "col" }, stop.title)))),
      el("tbody", {}, [...BANDS].reverse().map((band) => el("tr", {}, el("th", { scope: "row" }, band[0]), stops.map((stop) => cell(stop, band))))));
    return el("details", { class: "figures-of", ontoggle: (event) => { if (event.target.open && event.target.children.length === 1) event.target.append(table()); } }, el("summary", {}, "in numbers"));
  }

  function metrics(data, state) {
    const { run } = data, metric = run.metrics[state.metric] ? state.metric : "iou", on = run.curves[state.on] ? state.on : "test";
    const names = Object.entries(run.metrics).map(([key, item]) => [key, item.label + (item.lower ? " (lower is better)" : "")]);
    const holder = el("div", { class: "plot" }), models = Object.keys(run.models);
    const section = el("section", {}, el("h2", {}, "Metrics of the whole split"),
      el("div", { class: "filters" }, select("metric", names, metric, (value) => SCALER.go({ metric: value }, { replace: true })), select("on", [["test", "test"], ["val", "validation"]], on, (value) => SCALER.go({ on: value }, { replace: true }))),
      el("p", { class: "about" }, run.metrics[metric].meaning, ". Click a point to see that model's images at that stop, worst first."), holder);
    const draw = () => {
      const series = models.map((model) => ({ label: run.models[model], ...SCALER.charts.STYLE[model], values: run.curves[on][model][metric] }));
      SCALER.charts.lines(holder, titlesOf(run), series, { height: 280, onpoint: (i, y) => {
        const key = `${models[SCALER.charts.nearest(series.map((item) => item.values), i, y) ?? 0]}_truth`;
        SCALER.go({ ...plain, stop: run.stops[i].name, split: on, sort: key, columns: columnsWith(key) });
      } });
    };
    return [section, draw];
  }

  function branches({ run }) {
    const sources = [["teacher", "teacher"], ["sam", "SAM"]].map(([source, title]) => [source, title, el("div", { class: "plot" })]), cold = el("div", { class: "plot" });
    const learning = run.stops.some((stop) => run.shares[stop.name].count < run.splits.train[1] - run.splits.train[0]) ? "no" : "";
    const shares = (source, at) => run.stops.map((stop) => (stop[source] ? run.shares[stop.name][source][at] : null));
    const section = el("section", {}, el("h2", {}, "Branches of the loss (eq 12), and cold starts"),
      el("p", { class: "about" }, `Share of the ${run.shares[run.stops[0].name].count} training images that learn from pseudo-labels in each branch, by the entropy of the label. Click to see the images.`),
      el("div", { class: "charts brief" }, sources.map(([, title, holder]) => el("figure", { class: "chart" }, el("figcaption", {}, `labels of ${title}`), holder)),
        el("figure", { class: "chart" }, el("figcaption", { title: column("cold").help }, "cold starts"), cold)));
    const draw = () => {
      for (const [source, , holder] of sources) {
        SCALER.charts.piled(holder, SCALER.charts.stops(titlesOf(run)), BRANCHES.map(([colour, label], i) => ({ colour, label, values: shares(source, i) })), {
          onpart: (i, part) => SCALER.go({ ...plain, stop: run.stops[i].name, split: "train", mask: learning, range: `${source}_branch~${part}~${part}`, columns: columnsWith(`${source}_branch`) }) });
      }
      SCALER.charts.lines(cold, titlesOf(run), [{ label: "cold starts", colour: "--worse", values: run.stops.map((stop) => run.shares[stop.name].cold) }], {
        height: 200, range: [0, 1], onpoint: (i) => SCALER.go({ ...plain, stop: run.stops[i].name, split: "train", mask: learning, ready: "cold" }) });
    };
    return [section, draw];
  }

  function distributions(data, state) {
    const { run } = data, split = run.splits[state.split] ? state.split : "train", drawn = [];
    const figure = (key) => {
      const holder = el("div", { class: "plot" });
      drawn.push([key, holder]);
      return el("figure", { class: "chart", dataset: { column: key } }, el("figcaption", {}, column(key).title), el("p", { class: "about" }, column(key).help), holder, figures(data, split, key));
    };
    const groups = GROUPS.map(([title, keys]) => [title, keys.filter((key) => run.stops.some((stop) => run.distributions[stop.name][split][key]))]).filter(([, keys]) => keys.length);
    const section = el("section", { class: "distributions quantiles" }, el("h2", {}, "Distributions over the images"),
      el("div", { class: "filters" }, select("images", Object.keys(run.splits).map((name) => [name, name]), split, (value) => SCALER.go({ split: value }, { replace: true }))),
      el("p", { class: "about" }, "Line: the median; bands: the middle half, and 5 to 95 % of the images. Click between two quantiles to see the images there."),
      groups.map(([title, keys]) => [el("h3", {}, title), el("div", { class: "charts brief" }, keys.map(figure))]).flat());
    return [section, () => { for (const [key, holder] of drawn) distribution(holder, data, split, key); }];
  }

  async function show(page, state, before, fresh) {
    const data = await SCALER.data.load(state.run);
    if (fresh && !fresh()) return;
    const top = before && before.view === "curves" ? scrollY : 0; // a change of metric does not move the page
    const made = [metrics, branches, distributions].map((part) => part(data, state));
    page.replaceChildren(...made.map(([section]) => section));
    for (const [, draw] of made) draw();
    scrollTo(0, top);
  }

  SCALER.pages.curves = { title: "Curves", show };
})();
