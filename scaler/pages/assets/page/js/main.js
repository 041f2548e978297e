"use strict";
// Start: header, tabs, theme, keys; and showing the page that the address names.
(() => {
  const { el } = SCALER;
  const KEYS = [["o, i, c, s", "overview, images, curves, selection"], ["/", "search by name"], ["↑ ↓ or k j, Enter", "move in the list, open the image"], ["← →", "previous, next image"],
    ["[ ]", "previous, next stop"], ["a r n", "accept, reject, annotate (again: undo)"], ["Esc", "back to the list"], ["t", "light or dark"], ["?", "this help"]];
  const VIEWS = { o: "overview", i: "table", c: "curves", s: "selection" };
  const VERDICTS = { a: "accept", r: "reject", n: "annotate" };
  let asked = 0; // counts requests, so that an old one cannot overwrite a newer

  function header(index, data, state) {
    const tabs = ["overview", "table", "curves", ...(index.runs.length > 1 ? ["compare"] : []), "selection"];
    const at = state.view === "detail" ? "table" : state.view;
    SCALER.fill(document.getElementById("head"), 
      el("b", { class: "title", title: data.run.path }, data.run.name),
      index.runs.length > 1 ? SCALER.select("run", index.runs.map((name, i) => [name, "AB"[i]]), state.run, (run) => SCALER.go({ run, stop: "" })) : null,
      el("nav", { "aria-label": "pages" }, tabs.map((name) => el("a", { href: SCALER.address({ view: name }), "aria-current": name === at ? "page" : null },
        name === "selection" && SCALER.marks.all().length ? `Selection (${SCALER.marks.all().length})` : SCALER.pages[name].title))),
      SCALER.button("◐", () => SCALER.theme(true), { title: "light or dark (t)", "aria-label": "light or dark" }),
      SCALER.button("?", help, { title: "keys (?)", "aria-label": "keys" }));
  }

  function help() {
    const dialog = document.getElementById("help");
    SCALER.fill(dialog, el("h2", {}, "Keys"), el("dl", {}, KEYS.map(([key, text]) => [el("dt", {}, key), el("dd", {}, text)])), SCALER.button("close", () => dialog.close()));
    dialog.showModal();
  }

  async function show(state, before) {
    const request = ++asked, fresh = () => request === asked;
    const page = document.getElementById("page");
    try {
      const index = await SCALER.need("index");
      if (!index.runs.includes(state.run)) { SCALER.go({ run: "a" }, { replace: true }); return; }
      const data = await SCALER.data.load(state.run);
      if (!before || before.run !== state.run) SCALER.marks.open(data.run.fingerprint);
      if (!fresh()) return;
      header(index, data, state);
      document.title = `${state.view === "detail" ? state.image : SCALER.pages[state.view]?.title ?? "Inspection"} – ${data.run.name}`;
      SCALER.charts.clear();
      page.dataset.view = state.view;
      await (SCALER.pages[state.view] || SCALER.pages.overview).show(page, state, before, fresh);
      page.dataset.ready = request;
    } catch (error) {
      if (fresh()) SCALER.fill(page, el("p", { class: "wait worse" }, String(error.message || error)));
      if (!(error instanceof Error)) throw error;
    }
  }

  SCALER.refresh = () => show(SCALER.state, SCALER.state);
  SCALER.verdictKey = (event, id, done) => {
    const verdict = VERDICTS[event.key];
    if (!verdict || id === undefined) return false;
    SCALER.marks.set(id, { verdict: SCALER.marks.get(id).verdict === verdict ? "" : verdict });
    done();
    return true;
  };

  async function keys(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || document.getElementById("help").open) return;
    if (/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) {
      if (event.key === "Escape") event.target.blur();
      if (event.target.type !== "range" || /^(Arrow|Home|End|Page)/.test(event.key)) return;
    }
    const page = SCALER.pages[SCALER.state.view];
    if (page && page.key && page.key(event) === true) { event.preventDefault(); return; }
    if (event.key in VIEWS) SCALER.go({ view: VIEWS[event.key] });
    else if (event.key === "t") SCALER.theme(true);
    else if (event.key === "?") help();
    else if (event.key === "[" || event.key === "]") {
      const data = await SCALER.data.load(SCALER.state.run), names = data.run.stops.map((stop) => stop.name);
      const at = names.indexOf(SCALER.data.stopOf(data, SCALER.state)) + (event.key === "]" ? 1 : -1);
      if (names[at]) SCALER.go({ stop: names[at] });
    }
  }

  SCALER.onChange(show);
  SCALER.marks.onChange(async () => {
    const index = await SCALER.need("index");
    header(index, await SCALER.data.load(SCALER.state.run), SCALER.state);
  });
  addEventListener("keydown", keys);
  show(SCALER.state, null);
})();
