"use strict";
// Small charts: lines by uPlot, sparklines and shares as SVG. Colours follow the page's theme.
(() => {
  const MODEL = { segmenter: "--student", teacher: "--teacher", sam: "--sam" };
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const alpha = (colour, part) => `${colour}${Math.round(255 * part).toString(16).padStart(2, "0")}`;
  const alive = new Set();
  const short = (title) => title.replace("Initialization", "Init").replace("Round ", "");
  const told = (value) => (value === null || value === undefined ? "–" : value.toFixed(3));

  function axes(titles) {
    const common = { stroke: css("--ink"), grid: { stroke: css("--line"), width: 1 }, ticks: { stroke: css("--line"), width: 1 } };
    return [
      { ...common, space: 20, splits: () => titles.map((_, i) => i), values: () => spaced(titles.map(short)) },
      { ...common, size: 54, values: (_, list) => list.map((value) => Number(value.toPrecision(3))) },
    ];
  }

  function spaced(names) { // with many stops only some of the names fit
    const step = Math.ceil(names.length / 14);
    return names.map((name, i) => (i % step === 0 || i === names.length - 1 ? name : ""));
  }

  // series: [{label, colour (custom property), values, width, dash, tell: stop -> text of the legend}];
  // bands: [[upper, lower, opacity]] by index in series, in the upper one's colour;
  // onpoint(stop, value at the pointer) on a click; range: [low, high] of the y axis; legend: whether there is one
  function lines(holder, titles, series, { height = 220, bands = [], onpoint = null, range = null, legend = true } = {}) {
    const chart = new uPlot({
      width: Math.max(240, holder.clientWidth || 480),
      height,
      padding: [10, 14, 0, 0],
      legend: { show: legend, live: true },
      cursor: { drag: { x: false, y: false }, points: { size: 8 } },
      scales: { x: { time: false, range: [-0.2, titles.length - 0.8] }, y: range ? { range } : {} },
      axes: axes(titles),
      bands: bands.map(([upper, lower, part]) => ({ series: [upper + 1, lower + 1], fill: alpha(css(series[upper].colour), part) })),
      series: [
        { label: "stop", value: (_, x) => (x === null ? "–" : titles[x]) },
        ...series.map((item) => ({
          label: item.label, stroke: css(item.colour), width: item.width ?? 2, dash: item.dash,
          points: { show: (item.width ?? 2) >= 2, size: 7, fill: css("--card") }, value: (_, y, __, i) => (item.tell && i !== null ? item.tell(i) : told(y)),
        })),
      ],
    }, [titles.map((_, i) => i), ...series.map((item) => item.values)], holder);
    if (onpoint) {
      chart.over.style.cursor = "pointer";
      chart.over.addEventListener("click", (event) => {
        const { idx } = chart.cursor;
        if (idx !== null && idx !== undefined) onpoint(idx, chart.posToVal(event.clientY - chart.over.getBoundingClientRect().top, "y"));
      });
    }
    alive.add({ chart, holder });
    return chart;
  }

  // Parts of a whole at each stop, piled up: parts [{label, colour, values}], first at the bottom; onpart(stop, part).
  function piled(holder, titles, parts, { height = 200, onpart = null } = {}) {
    let below = titles.map(() => 0);
    const tops = parts.map((part) => { below = part.values.map((value, i) => (value === null || below[i] === null ? null : below[i] + value)); return below; });
    const floor = { label: "", colour: "--line", width: 0, values: titles.map((_, i) => (tops[0][i] === null ? null : 0)), tell: () => "" };
    const series = parts.map((part, i) => ({ label: part.label, colour: part.colour, width: 0, values: tops[i], tell: (stop) => share(part.values[stop]) }));
    holder.classList.add("piled"); // its legend leaves the floor out
    return lines(holder, titles, [floor, ...series], {
      height, range: [0, 1], bands: parts.map((_, i) => [i + 1, i, 0.6]),
      onpoint: onpart && ((stop, y) => { const at = tops.findIndex((top) => top[stop] !== null && y <= top[stop]); if (at >= 0) onpart(stop, at); }),
    });
  }

  const share = (value) => (value === null ? "–" : `${(100 * value).toFixed(1)} %`);

  // The number of the series that lies nearest to a value at a stop; null where none has one.
  function nearest(series, stop, y) {
    const found = series.map((values, i) => [values[stop], i]).filter(([value]) => value !== null && value !== undefined);
    return found.length ? found.reduce((a, b) => (Math.abs(b[0] - y) < Math.abs(a[0] - y) ? b : a))[1] : null;
  }

  function clear() {
    for (const { chart } of alive) chart.destroy();
    alive.clear();
  }

  addEventListener("resize", () => {
    for (const { chart, holder } of alive) if (holder.clientWidth) chart.setSize({ width: holder.clientWidth, height: chart.height });
  });

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
      const bar = SCALER.svg("rect", { x: 100 * from, y: 0, width: 100 * part, height: 12, fill: `var(${colour})` },
        SCALER.svg("title"));
      bar.firstChild.textContent = `${title}: ${(100 * part).toFixed(1)} %`;
      from += part;
      return bar;
    });
    return SCALER.svg("svg", { viewBox: "0 0 100 12", class: "shares", preserveAspectRatio: "none", role: "img", "aria-label": label }, ...bars);
  }

  SCALER.charts = { MODEL, lines, piled, nearest, sparkline, shares, clear };
})();
