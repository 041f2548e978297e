"use strict";
// The first screen: did it get better, and where did it go wrong?
(() => {
  const { el } = SCALER;
  const TREND = ["iou", "s_alpha", "f_weighted", "mae"];
  const BRANCHES = SCALER.charts.BRANCHES.map((name) => [`--${name}`, name]);

  function trends(run, split) {
    const rows = TREND.map((metric) => el("tr", {}, el("th", { scope: "row", title: run.metrics[metric].meaning },
      run.metrics[metric].label + (run.metrics[metric].lower ? " ↓" : "")),
      ...Object.keys(run.models).map((model) => {
        const values = run.curves[split][model][metric];
        const first = values[0], last = values[values.length - 1];
        const better = (run.metrics[metric].lower ? first - last : last - first);
        const sign = better > 0.0005 ? "better" : better < -0.0005 ? "worse" : "";
        return el("td", {}, SCALER.charts.sparkline(values, SCALER.charts.STYLE[model].colour, `${run.models[model]}, ${metric}: ${values.join(", ")}`),
          el("span", { class: "figures" }, `${first.toFixed(3)}\u00a0→\u00a0${last.toFixed(3)} `,
            el("b", { class: sign }, (last >= first ? "+" : "−") + Math.abs(last - first).toFixed(3))));
      })));
    return el("table", { class: "trends" },
      el("thead", {}, el("tr", {}, el("th"), ...Object.values(run.models).map((title) => el("th", { scope: "col" }, title)))),
      el("tbody", {}, rows));
  }

  function branches(run) {
    const rows = run.stops.map((stop) => {
      const share = run.shares[stop.name];
      const bar = (source) => SCALER.charts.shares(BRANCHES.map(([colour, title], i) => ({ colour, title, part: share[source] ? share[source][i] : 0 })),
        share[source] ? `${source}: ${BRANCHES.map(([, title], i) => `${title} ${(100 * share[source][i]).toFixed(0)} %`).join(", ")}` : `${source}: no labels`);
      return el("tr", {}, el("th", { scope: "row" }, stop.title), el("td", {}, bar("teacher")), el("td", {}, bar("sam")),
        el("td", { class: "number" }, share.cold === null ? "–" : `${(100 * share.cold).toFixed(1)} %`));
    });
    return el("table", { class: "branches" },
      el("thead", {}, el("tr", {}, el("th"), el("th", {}, "teacher"), el("th", {}, "SAM"), el("th", {}, "cold starts"))),
      el("tbody", {}, rows));
  }

  const legend = () => el("p", { class: "legend" }, BRANCHES.map(([colour, title]) => el("span", {}, el("i", { style: { background: `var(${colour})` } }), title)));

  function ready(data, table) {
    return el("ul", { class: "ready" }, SCALER.views.VIEWS.map((view) => {
      const counts = ["train", "test"].map((split) => [split, SCALER.views.rows(data, table, { ...SCALER.state, split, ready: view.key, q: "", sort: "", branch: "", mask: "", range: "" }).length]);
      const link = ([split, count]) => el("a", { href: SCALER.address({ view: "table", ready: view.key, split, sort: "", q: "", branch: "", mask: "", range: "", image: "" }), class: count ? "count-of" : "count-of none" }, `${count} ${split}`);
      return el("li", {}, el("b", {}, view.title), el("span", { class: "counts" }, counts.map(link)), el("p", {}, view.tells));
    }));
  }

  async function show(page, state) {
    const data = await SCALER.data.load(state.run);
    const { run } = data;
    const table = await SCALER.data.table(data, SCALER.data.stopOf(data, state));
    SCALER.fill(page, 
      el("section", { class: "story" },
        el("h1", {}, run.story.headline),
        el("p", { class: "lead" }, run.story.well),
        run.story.labels.map((sentence) => el("p", {}, sentence)),
        run.missing.map((sentence) => el("p", { class: "worse" }, sentence)),
        run.story.wrong.length ? el("ul", { class: "plain" }, run.story.wrong.map((sentence) => el("li", {}, sentence))) : null),
      el("div", { class: "two" },
        el("section", {}, el("h2", {}, `Test split, ${run.stops[0].title.toLowerCase()} to ${run.stops[run.stops.length - 1].title.toLowerCase()}`), trends(run, "test"),
          el("p", {}, el("a", { href: SCALER.address({ view: "curves" }) }, "all curves"))),
        el("section", {}, el("h2", {}, "How the training images without a mask were used (eq 12)"), legend(), branches(run))),
      el("section", {}, el("h2", {}, `Where to look, at “${SCALER.data.titleOf(run, SCALER.data.stopOf(data, state))}”`), ready(data, table)));
  }

  SCALER.pages.overview = { title: "Overview", show };
})();
