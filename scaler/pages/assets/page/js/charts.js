"use strict";
// The chart kit of all pages: lines, stacked bars and dots by uPlot, sparklines and shares as SVG. Colours follow the theme.
(() => {
  // each source has a colour and a dash of its own, so that none is known by its colour alone
  const STYLE = {
    segmenter: { colour: "--segmenter" }, teacher: { colour: "--teacher", dash: [7, 3] }, sam: { colour: "--sam", dash: [9, 3, 2, 3] },
    consensus: { colour: "--consensus", dash: [2, 3] }, both: { colour: "--soft" },
    normal: { colour: "--normal" }, difficult: { colour: "--difficult" }, simple: { colour: "--simple" },
  };
  const BRANCHES = ["normal", "difficult", "simple"]; // as run.branches
  const alive = new Set(); // {chart, holder, make}
  const probe = document.documentElement.appendChild(SCALER.el("i", { hidden: true }));
  const css = (name) => { probe.style.color = `var(${name})`; return getComputedStyle(probe).color; };
  const alpha = (colour, part) => colour.replace("rgb(", "rgba(").replace(")", `, ${part})`);
  const number = (value) => (value === null || value === undefined ? "–" : value.toFixed(3));
  const share = (value) => (value === null || value === undefined ? "–" : `${(100 * value).toFixed(1)} %`);
  const short = (title) => title.replace("Initialization", "Init").replace("Warm-up", "Warm").replace("Round ", "");
  const axis = (more) => ({ stroke: css("--soft"), grid: { stroke: css("--rule"), width: 1 }, ticks: { stroke: css("--rule"), width: 1 }, ...more });

  function plot(holder, make) { // make() -> [uPlot's options, data]; called again when the theme changes
    const item = { holder, make };
    item.paint = () => {
      if (item.chart) item.chart.destroy();
      const [options, data] = make();
      item.chart = new uPlot({ width: Math.max(200, holder.clientWidth || 360), padding: [10, 14, 0, 0], ...options }, data, holder);
    };
    item.paint();
    alive.add(item);
  }

  // Names below an axis of a width in pixels: whole, short, or only some of them.
  function names(titles, width) {
    const room = (width - 70) / titles.length, step = Math.max(1, Math.ceil(24 / room));
    const named = (title) => (room < 62 ? short(title) : title.replace("Initialization", "Init"));
    return titles.map((title, i) => (i % step === 0 || i === titles.length - 1 ? named(title) : ""));
  }

  // The x axis {count, range, splits, titles of these, tell: i -> text of the legend, label, borders, spread: values as
  // they lie on it}: stops, or the epochs of stages.
  const stops = (titles) => ({
    count: titles.length, range: [-0.2, titles.length - 0.8], splits: titles.map((_, i) => i), titles, label: "stop", tell: (i) => titles[i], borders: [], spread: (values) => values,
  });

  function epochs(segments) { // [[title, how many]]; a place between two stages stays empty, so that lines break there
    let begin = -1;
    const begins = segments.map(([, length]) => { const own = begin + 1; begin = own + length; return own; });
    const count = begin, at = (i) => begins.findLastIndex((own) => own <= i);
    return {
      count, range: [-0.5, count - 0.5], splits: segments.map(([, length], i) => begins[i] + (length - 1) / 2), label: "epoch",
      titles: segments.map(([title]) => title), borders: begins.slice(1).map((own) => own - 1),
      tell: (i) => (begins.includes(i + 1) ? "–" : `${i - begins[at(i)] + 1} of ${segments[at(i)][0]}`),
      spread: (values) => segments.flatMap(([, length], i) => [...(i ? [null] : []), ...values.slice(begins[i] - i, begins[i] - i + length)]),
    };
  }

  // series: [{label, colour (custom property), values, width, dash, tell: i -> text of the legend, bars}];
  // bands: [[upper, lower, opacity]] by index in series, in the upper one's colour; range: [low, high] of the y axis;
  // onpoint(i, value at the pointer) on a click. Without a pointer the legend shows the last values.
  function over(holder, x, series, { height = 220, bands = [], range = null, onpoint = null } = {}) {
    const last = x.count - 1;
    const rest = (chart) => { if (chart.cursor.idx === null || chart.cursor.idx === undefined) chart.setLegend({ idx: last }, false); };
    const click = (chart) => {
      rest(chart);
      if (!onpoint) return;
      chart.over.style.cursor = "pointer";
      chart.over.addEventListener("click", (event) => {
        const { idx } = chart.cursor;
        if (idx !== null && idx !== undefined) onpoint(idx, chart.posToVal(event.clientY - chart.over.getBoundingClientRect().top, "y"));
      });
    };
    const borders = (chart) => {
      const { ctx, bbox } = chart;
      ctx.save();
      ctx.strokeStyle = css("--faint");
      ctx.setLineDash([2, 4]);
      for (const border of x.borders) {
        const at = chart.valToPos(border, "x", true);
        ctx.beginPath();
        ctx.moveTo(at, bbox.top);
        ctx.lineTo(at, bbox.top + bbox.height);
        ctx.stroke();
      }
      ctx.restore();
    };
    const line = ({ label, colour, values, width = 2, dash, tell, bars }) => ({
      label, width: bars ? 0 : width, dash, stroke: css(colour), value: (_, y, __, i) => (tell && i !== null ? tell(i) : number(y)),
      fill: bars ? css(colour) : undefined, paths: bars ? uPlot.paths.bars({ size: [0.86, 60], gap: 0 }) : undefined,
      points: bars || width < 2 ? { show: false } : { show: x.count < 60, size: 7, fill: dash ? css("--panel") : css(colour), filter: (_, __, shown, gaps) => (x.borders.length ? lonely(values) : null) },
    });
    const lonely = (values) => values.map((value, i) => [value, i]).filter(([value, i]) => value !== null && (values[i - 1] ?? null) === null && (values[i + 1] ?? null) === null).map(([, i]) => i);
    plot(holder, () => [{
      height,
      cursor: { drag: { x: false, y: false }, points: { size: 8 } },
      scales: { x: { time: false, range: x.range }, y: range ? { range } : {} },
      axes: [axis({ space: 20, splits: () => x.splits, values: (chart) => names(x.titles, chart.width), grid: { show: false } }), axis({ size: 48, values: (_, list) => list.map((value) => Number(value.toPrecision(3))) })],
      bands: bands.map(([upper, lower, part]) => ({ series: [upper + 1, lower + 1], fill: alpha(css(series[upper].colour), part) })),
      series: [{ label: x.label, value: (_, at) => (at === null ? "–" : x.tell(Math.round(at))) }, ...series.map(line)],
      hooks: { ready: [click], setCursor: [rest], draw: [borders] },
    }, [Array.from({ length: x.count }, (_, i) => i), ...series.map((item) => item.values)]]);
  }

  const lines = (holder, titles, series, options) => over(holder, stops(titles), series, options);

  // Parts of a whole at each place, piled up: parts [{label, colour, values, tell}], first at the bottom; onpart(i, part).
  function piled(holder, x, parts, { height = 200, onpart = null } = {}) {
    let below = Array.from({ length: x.count }, () => 0);
    const tops = parts.map((part) => { below = part.values.map((value, i) => (value === null || below[i] === null ? null : below[i] + value)); return below; });
    const bars = parts.map((part, i) => ({ ...part, bars: true, values: tops[i], tell: part.tell || ((at) => share(part.values[at])) }));
    over(holder, { ...x, range: [-0.5, x.count - 0.5] }, bars.reverse(), { // the highest first: each is drawn over those above it
      height, range: [0, 1], onpoint: onpart && ((i, y) => { const part = tops.findIndex((top) => top[i] !== null && y <= top[i]); if (part >= 0) onpart(i, part); }),
    });
  }

  // A dot for each image: its value before (across) and after (up), the dashed line where they are equal.
  function dots(holder, { ids, before, after, model, title }) {
    const order = before.map((_, i) => i).sort((i, j) => before[i] - before[j]), { colour } = STYLE[model];
    const nearest = (chart) => { // to the pointer
      const { left, top } = chart.cursor;
      let best = [Infinity, null];
      order.forEach((i, place) => {
        const d = Math.hypot(chart.valToPos(before[i], "x") - left, chart.valToPos(after[i], "y") - top);
        if (d < best[0]) best = [d, place];
      });
      return best[1];
    };
    const diagonal = (chart) => {
      const { ctx } = chart, at = (value, scale) => chart.valToPos(value, scale, true);
      ctx.save();
      ctx.strokeStyle = css("--faint");
      ctx.setLineDash([5, 5]);
      ctx.beginPath();
      ctx.moveTo(at(0, "x"), at(0, "y"));
      ctx.lineTo(at(1, "x"), at(1, "y"));
      ctx.stroke();
      ctx.restore();
    };
    const range = [-0.03, 1.03];
    plot(holder, () => [{
      height: Math.min(340, holder.clientWidth || 320),
      cursor: { drag: { x: false, y: false }, dataIdx: nearest, y: true },
      scales: { x: { time: false, range }, y: { range } },
      axes: [axis({}), axis({ size: 48 })],
      series: [{ label: "" }, {
        label: title, stroke: css(colour), paths: () => null, points: { show: true, size: 6, width: 1, stroke: css(colour), fill: alpha(css(colour), 0.5) },
        value: (_, y, __, i) => (i === null || i === undefined ? "point at a dot to see which image it is" : `${ids[order[i]]}: ${before[order[i]].toFixed(2)} → ${after[order[i]].toFixed(2)}`),
      }],
      hooks: { drawClear: [diagonal] },
    }, [order.map((i) => before[i]), order.map((i) => after[i])]]);
  }

  // A chart of the report, as it stands in the page.
  function draw(figure, spec) {
    const holder = figure.appendChild(SCALER.el("div", { class: `plot ${spec.kind === "dots" ? "brief" : ""}` }));
    if (spec.kind === "dots") { dots(holder, spec); return; }
    const x = spec.kind === "stops" ? stops(spec.titles) : epochs(spec.segments);
    const series = spec.series.map(({ label, kind, values }) => ({ label, ...STYLE[kind], values: x.spread(values) }));
    if (spec.kind !== "shares") { over(holder, x, series, { height: 200 }); return; }
    const sums = series[0].values.map((_, i) => series.reduce((sum, { values }) => sum + (values[i] || 0), 0));
    piled(holder, x, series.map(({ values, ...part }) => {
      const shares = values.map((value, i) => (sums[i] ? (value || 0) / sums[i] : null));
      return { ...part, values: shares, tell: (i) => (sums[i] ? `${share(shares[i])} (${values[i] || 0})` : "–") };
    }));
  }

  // The number of the series that lies nearest to a value at a stop; null where none has one.
  function nearest(series, stop, y) {
    const found = series.map((values, i) => [values[stop], i]).filter(([value]) => value !== null && value !== undefined);
    return found.length ? found.reduce((a, b) => (Math.abs(b[0] - y) < Math.abs(a[0] - y) ? b : a))[1] : null;
  }

  function clear() {
    for (const { chart } of alive) chart.destroy();
    alive.clear();
  }

  function fit() { // to the width that there is now
    for (const { chart, holder } of alive) if (holder.clientWidth && holder.clientWidth !== chart.width) chart.setSize({ width: holder.clientWidth, height: chart.height });
  }
  addEventListener("resize", fit);
  const repaint = () => { for (const item of alive) item.paint(); };

  function sparkline(values, colour, label) {
    const numbers = values.filter((value) => value !== null);
    const low = Math.min(...numbers), high = Math.max(...numbers), span = high - low || 1;
    const step = 100 / Math.max(1, values.length - 1);
    const place = (value, i) => [(i * step).toFixed(1), (22 - (18 * (value - low)) / span).toFixed(1)];
    const points = values.map((value, i) => (value === null ? null : place(value, i))).filter(Boolean);
    const [x, y] = points.at(-1) || [0, 0];
    return SCALER.svg("svg", { viewBox: "-3 0 106 26", class: "spark", role: "img", "aria-label": label },
      SCALER.svg("polyline", { points: points.join(" "), fill: "none", stroke: `var(${colour})`, "stroke-width": 2 }),
      SCALER.svg("circle", { cx: x, cy: y, r: 2.6, fill: `var(${colour})` }));
  }

  // One bar of shares: [{part, colour, title}], parts adding up to 1 or less.
  function shares(parts, label) {
    let from = 0;
    const bars = parts.filter(({ part }) => part > 0).map(({ part, colour, title }) => {
      const bar = SCALER.svg("rect", { x: 100 * from, y: 0, width: 100 * part, height: 12, fill: `var(${colour})` }, SCALER.svg("title"));
      bar.firstChild.textContent = `${title}: ${share(part)}`;
      from += part;
      return bar;
    });
    return SCALER.svg("svg", { viewBox: "0 0 100 12", class: "shares", preserveAspectRatio: "none", role: "img", "aria-label": label }, ...bars);
  }

  SCALER.charts = { STYLE, BRANCHES, stops, draw, lines, piled, nearest, sparkline, shares, clear, fit, repaint };
})();
