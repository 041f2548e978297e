"use strict";
// A row per image: only the rows in sight are built, so that thousands scroll smoothly.
(() => {
  const { el } = SCALER;
  const HEIGHT = 64; // pixels of a row, as in style.css
  const SPARE = 6; // rows built beyond the edge
  let view = null; // what is shown now

  const LAYERS = [["image", "image"], ["teacher", "teacher"], ["sam", "SAM"]];

  function filters(data, state) {
    const change = (name) => (value) => SCALER.go({ [name]: value });
    const search = el("input", { type: "search", value: state.q, placeholder: "name contains…", id: "search", "aria-label": "search by name",
      oninput: (event) => SCALER.go({ q: event.target.value }, { replace: true }) });
    return el("div", { class: "filters" },
      SCALER.select("view", [["", "all images"], ...SCALER.views.VIEWS.map((item) => [item.key, item.title])], state.ready, (ready) => SCALER.go({ ready, sort: "" })),
      SCALER.select("stop", data.run.stops.map((stop) => [stop.name, stop.title]), SCALER.data.stopOf(data, state), change("stop")),
      SCALER.select("split", Object.keys(data.run.splits).map((name) => [name, name]), state.split, change("split")),
      SCALER.select("branch", [["", "any"], ["0", "normal"], ["1", "difficult"], ["2", "simple"]], state.branch, change("branch")),
      SCALER.select("mask", [["", "any"], ["yes", "with a mask"], ["no", "without"]], state.mask, change("mask")),
      el("label", { class: "field" }, el("span", {}, "search"), search),
      chooser(state));
  }

  function rangeChip(state) { // a filter that a click on a curve has set
    const range = SCALER.views.rangeOf(state);
    return range && SCALER.button(`${SCALER.columns.BY_KEY.get(range.key).title} from ${range.low} to ${range.high} ✕`, () => SCALER.go({ range: "" }), { class: "range", title: "show all again" });
  }

  function chooser(state) {
    const shown = new Set(SCALER.columns.chosen(state));
    const boxes = SCALER.columns.COLUMNS.map((column) => el("label", { title: column.help },
      el("input", { type: "checkbox", checked: shown.has(column.key), onchange: (event) => {
        const now = new Set(SCALER.columns.chosen(SCALER.state));
        if (event.target.checked) now.add(column.key); else now.delete(column.key);
        SCALER.go({ columns: SCALER.columns.COLUMNS.map((item) => item.key).filter((key) => now.has(key)).join(",") }, { replace: true });
      } }), ` ${column.title}`));
    return el("details", { class: "chooser" }, el("summary", {}, "columns"), el("div", { class: "boxes" }, boxes));
  }

  function head(keys, state) {
    const cell = (key, title, help) => {
      const on = state.sort === key;
      return el("th", { scope: "col", title: help, "aria-sort": on ? (state.order === "down" ? "descending" : "ascending") : null },
        SCALER.button(title + (on ? (state.order === "down" ? " ▼" : " ▲") : ""), () => SCALER.go(
          on && state.order === "down" ? { sort: "", order: "" } : { sort: key, order: on ? "down" : "" }), { class: "plain" }));
    };
    return el("thead", {}, el("tr", {}, LAYERS.map(([, title]) => el("th", { scope: "col", class: "sight-of" }, title)),
      cell("id", "image", "path of the image below the images folder"),
      keys.map((key) => cell(key, SCALER.columns.BY_KEY.get(key).title, SCALER.columns.BY_KEY.get(key).help)),
      el("th", { scope: "col" }, "marked")));
  }

  function line(data, table, keys, row, place) {
    const id = data.images.id[row];
    const pictures = LAYERS.map(([key, title]) => el("td", { class: "sight-of" }, el("img", { alt: `${title} of ${id}`, width: 56, height: 56, dataset: { layer: key } })));
    const cells = keys.map((key) => {
      const value = SCALER.columns.value(data, table, key, row);
      const bar = typeof value === "number" && value >= 0 && value <= 1 && !/branch|components|oscillation|marked/.test(key);
      return el("td", { class: "number" }, bar ? el("i", { class: "gauge", style: { width: `${100 * value}%` } }) : null, SCALER.columns.text(key, value));
    });
    const tr = el("tr", { dataset: { row }, "aria-rowindex": place + 2, class: place === view.at ? "at" : "", onclick: () => open(place) },
      pictures, el("td", { class: "name" }, el("a", { href: SCALER.address({ view: "detail", image: id }), onclick: (event) => event.preventDefault() }, id)), cells,
      el("td", {}, el("span", { class: `verdict ${SCALER.marks.get(id).verdict}` }, SCALER.marks.get(id).verdict)));
    fill(tr, data, row);
    return tr;
  }

  async function fill(tr, data, row) {
    const stop = view.stop;
    const [own, labels] = await Promise.all([SCALER.data.tile(data, "images", row), SCALER.data.tile(data, stop, row)]);
    const sources = { image: own.image, ...labels };
    for (const picture of tr.querySelectorAll("img")) if (sources[picture.dataset.layer]) picture.src = sources[picture.dataset.layer];
  }

  function paint() {
    const { rows, data, table, keys, body, scroller } = view;
    const first = Math.max(0, Math.floor(scroller.scrollTop / HEIGHT) - SPARE);
    const last = Math.min(rows.length, Math.ceil((scroller.scrollTop + scroller.clientHeight) / HEIGHT) + SPARE);
    if (first === view.first && last === view.last) return;
    Object.assign(view, { first, last });
    const gap = (count) => el("tr", { class: "gap", "aria-hidden": "true" }, el("td", { colSpan: keys.length + 5, style: { height: `${count * HEIGHT}px` } }));
    SCALER.fill(body, gap(first), ...rows.slice(first, last).map((row, i) => line(data, table, keys, row, first + i)), gap(rows.length - last));
  }

  function open(place) { SCALER.go({ view: "detail", image: view.data.images.id[view.rows[place]] }); }

  function move(step) {
    view.at = Math.max(0, Math.min(view.rows.length - 1, view.at + step));
    const top = view.at * HEIGHT, { scroller } = view;
    if (top < scroller.scrollTop) scroller.scrollTop = top;
    if (top + 2 * HEIGHT > scroller.scrollTop + scroller.clientHeight) scroller.scrollTop = top + 2 * HEIGHT - scroller.clientHeight;
    view.first = -1;
    paint();
  }

  async function show(page, state, before) {
    const data = await SCALER.data.load(state.run);
    const stop = SCALER.data.stopOf(data, state);
    const table = await SCALER.data.table(data, stop);
    const rows = SCALER.views.rows(data, table, state), keys = SCALER.columns.chosen(state);
    const same = view && before && before.view === "table" && page.contains(view.scroller);
    const scroller = same ? view.scroller : el("div", { class: "scroller", tabIndex: 0, onscroll: paint });
    const body = el("tbody");
    const at = before && before.view === "detail" ? Math.max(0, rows.indexOf(data.rows.get(before.image))) : 0;
    view = { data, table, stop, rows, keys, body, scroller, at, first: -1, last: -1 };
    const ready = SCALER.views.VIEWS.find((item) => item.key === state.ready);
    const about = el("p", { class: "about", "aria-live": "polite" }, `${rows.length} of ${data.run.splits[state.split][1] - data.run.splits[state.split][0]} ${state.split} images. `, ready ? ready.tells : "", " ", rangeChip(state), " ",
      rows.length ? SCALER.el("a", { href: SCALER.address({ view: "selection" }) }, "mark all of them") : null);
    SCALER.fill(scroller, el("table", { class: "images", "aria-rowcount": rows.length + 1 }, head(keys, state), body));
    if (same) { // the search field keeps its focus
      page.querySelector(".about").replaceWith(about);
      if (document.activeElement.id !== "search" && !page.querySelector(".chooser").open) page.querySelector(".filters").replaceWith(filters(data, state));
    } else SCALER.fill(page, filters(data, state), about, scroller);
    if (!rows.length) scroller.append(el("p", { class: "wait" }, "No image matches."));
    if (at) move(0);
    paint();
  }

  function key(event) {
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8, j: 1, k: -1 };
    if (event.key in steps) { event.preventDefault(); move(steps[event.key]); }
    else if (event.key === "Enter" && view.rows.length) open(view.at);
    else if (event.key === "/") { event.preventDefault(); document.getElementById("search").focus(); }
    else return SCALER.verdictKey(event, view.data.images.id[view.rows[view.at]], () => { view.first = -1; paint(); });
    return true;
  }

  // The images that the table shows now, for the other pages.
  SCALER.current = async (state) => {
    const data = await SCALER.data.load(state.run);
    return SCALER.views.rows(data, await SCALER.data.table(data, SCALER.data.stopOf(data, state)), state);
  };
  SCALER.pages.table = { title: "Images", show, key };
})();
