"use strict";
// What was marked: verdicts and notes, many at a time, kept and read again; and the way out to other tools.
(() => {
  const { el, button, select } = SCALER;
  const SHOWN = 300; // rows built at once
  const chosen = new Set(SCALER.marks.VERDICTS); // verdicts that go out
  const options = { suffix: ".jpg", shape: "polygons" };
  let outcome = []; // of the last action, shown until the next
  let only = ""; // verdict that the list is narrowed to
  let undo = null; // marks before the last action on many

  const sorted = (marks) => marks.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));

  function many(sentence, action) {
    undo = SCALER.marks.all();
    action();
    outcome = [sentence];
    SCALER.refresh();
  }

  function takeBack() {
    SCALER.marks.replace(undo);
    undo = null;
    outcome = ["Undone."];
    SCALER.refresh();
  }

  function backup(data) {
    const marks = sorted(SCALER.marks.all()).map(([id, mark]) => ({ id, ...mark }));
    SCALER.download.files("marks", [["marks.json", `${JSON.stringify({ format: "scaler-marks", version: 1, run: data.run.path, fingerprint: data.run.fingerprint, marks }, null, 1)}\n`]]);
  }

  async function restore(file, data) {
    try {
      const read = JSON.parse(await file.text());
      if (!read || read.format !== "scaler-marks" || read.version !== 1 || !Array.isArray(read.marks)) throw new Error("this page did not save it");
      const marks = read.marks.filter((mark) => mark && typeof mark.id === "string").map((mark) => [mark.id, mark]);
      const unknown = marks.filter(([id]) => !data.rows.has(id)).length;
      many(`${marks.length} marks read from ${file.name}; they replace the earlier ones.${read.fingerprint === data.run.fingerprint ? "" : ` They were made on another run (${read.run}).`}${unknown ? ` ${unknown} are of images that this run does not have.` : ""}`,
        () => SCALER.marks.replace(marks));
    } catch (error) {
      outcome = [`${file.name}: not read (${error.message}).`];
      SCALER.refresh();
    }
  }

  function counts(all) {
    const link = (verdict, title) => button(`${all.filter(([, mark]) => !verdict || mark.verdict === verdict).length} ${title}`, () => { only = verdict; SCALER.refresh(); },
      { class: `mark ${verdict}`, "aria-pressed": String(only === verdict) });
    return el("div", { class: "counts-of-marks", role: "group", "aria-label": "show" }, link("", "marked"), SCALER.marks.VERDICTS.map((verdict) => link(verdict, verdict)));
  }

  function keeping(data, all) {
    const { isKept } = SCALER.marks;
    return el("div", { class: "keeping" },
      el("span", { class: isKept() ? "soft" : "worse" }, isKept() ? "Your browser keeps the marks for this run." : "Your browser keeps nothing for this page: save the marks to a file before you leave."),
      button("save marks to a file", () => backup(data), { disabled: !all.length }),
      el("label", { class: "file" }, el("span", {}, "read marks from a file"), el("input", { type: "file", accept: ".json,application/json", onchange: (event) => restore(event.target.files[0], data) })));
  }

  function bulk(data, current, state) {
    const view = SCALER.views.VIEWS.find((item) => item.key === state.ready), ids = current.map((row) => data.images.id[row]);
    const verdict = (name) => button(`${name} all ${ids.length}`, () => many(`${ids.length} images marked: ${name}.`, () => SCALER.marks.setMany(ids, name)), { class: `mark ${name}`, disabled: !ids.length });
    return el("div", { class: "bulk" },
      el("span", {}, el("a", { href: SCALER.address({ view: "table" }) }, "The list of images"), ` shows ${ids.length} ${state.split} images now${view ? ` (“${view.title}”)` : ""}${state.q ? ` with “${state.q}” in their names` : ""}:`),
      SCALER.marks.VERDICTS.map(verdict),
      button("unmark them", () => many("Marks removed; notes are kept.", () => SCALER.marks.setMany(ids, "")), { disabled: !ids.some((id) => SCALER.marks.get(id).verdict) }),
      undo ? button("undo", takeBack) : null);
  }

  function resolution(run) {
    const less = run.tile < run.size ? ` These are smaller than the run's labels (${run.size}); for full resolution, make the page with --tile ${run.size}.` : "";
    return `A label is cut at p = 0.5, and each connected part (corners included) becomes one object. Labels come from this page's pictures of ${run.tile} × ${run.tile} pixels, resized to each image's own width and height: run lengths bilinearly, as in predictions; polygons from the outlines between pixels.${less}`;
  }

  async function goOut(kind, data, state, all) {
    const line = document.querySelector(".outcome");
    const marked = all.filter(([, mark]) => chosen.has(mark.verdict));
    try {
      outcome = await SCALER.takeout.takeOut(kind, data, SCALER.data.stopOf(data, state), marked,
        { ...options, label: state.label, advance: (n) => { line.textContent = `${n} of ${marked.length} …`; } });
    } catch (error) { outcome = [String(error.message)]; }
    if (line.isConnected) line.replaceChildren(...outcome.map((text) => el("p", {}, text)));
  }

  function outward(data, state, all) {
    const ready = () => all.some(([, mark]) => chosen.has(mark.verdict));
    const buttons = Object.entries(SCALER.formats).map(([kind, { title }]) => button(title, () => goOut(kind, data, state, all), { dataset: { format: kind }, disabled: !ready() }));
    const tick = (verdict) => el("label", {}, el("input", { type: "checkbox", name: verdict, checked: chosen.has(verdict), onchange: (event) => {
      if (event.target.checked) chosen.add(verdict); else chosen.delete(verdict);
      for (const item of buttons) item.disabled = !ready();
    } }), ` ${verdict}`);
    return el("section", {}, el("h2", {}, "Export"),
      el("div", { class: "filters" },
        el("fieldset", { class: "verdicts" }, el("legend", {}, "which"), SCALER.marks.VERDICTS.map(tick)),
        select("label", SCALER.takeout.LABELS, state.label, (label) => SCALER.go({ label }, { replace: true })),
        select("stop", data.run.stops.map((stop) => [stop.name, stop.title]), SCALER.data.stopOf(data, state), (stop) => SCALER.go({ stop }, { replace: true })),
        select("CVAT, Label Studio", SCALER.takeout.SHAPES, options.shape, (shape) => { options.shape = shape; }),
        data.images.suffix.every(Boolean) ? null : el("label", { class: "field", title: "these images have no files of their own; COCO, Labelme, CVAT and Label Studio need a file name" }, el("span", {}, "image files end in"),
          el("input", { type: "text", value: options.suffix, size: 6, onchange: (event) => { options.suffix = event.target.value.trim(); } }))),
      el("div", { class: "out" }, buttons),
      el("div", { class: "outcome", role: "status" }, outcome.map((text) => el("p", {}, text))),
      el("details", { class: "about" }, el("summary", {}, "What these files hold, and how corrections come back"),
        el("p", {}, resolution(data.run)),
        el("p", {}, "The list has one id per line, as ", el("code", {}, "prepare_data.labelled_list"), " and ", el("code", {}, "python -m scaler export --only"), " read it. In the CSV, a text that a spreadsheet would take for a formula begins with an apostrophe."),
        el("p", {}, "COCO holds run lengths, Labelme polygons (unpack the archive where the images are). After correction in such a tool, ", el("code", {}, "python -m scaler import FORMAT FILE --into DATA --corrections --by NAME"), " puts the labels into the data of the next run, and keeps a record of who changed what.")));
  }

  function line(data, id, mark, state) {
    const row = data.rows.get(id), known = row !== undefined;
    const verdict = (name) => button(name, (event) => {
      SCALER.marks.set(id, { verdict: name });
      for (const other of event.target.parentNode.children) other.setAttribute("aria-pressed", String(other === event.target));
    }, { class: `mark ${name}`, "aria-pressed": String(mark.verdict === name), "aria-label": `${name} ${id}` });
    const picture = el("img", { alt: "", width: 44, height: 44 });
    if (known) SCALER.data.tile(data, "images", row).then((tile) => { picture.src = tile.image; });
    return el("tr", {}, el("td", { class: "picture" }, known ? picture : null),
      el("th", { scope: "row" }, known ? el("a", { href: SCALER.address({ view: "detail", image: id, split: data.images.split[row] }) }, id) : [id, el("span", { class: "soft" }, " (not in this run)")]),
      el("td", {}, SCALER.marks.VERDICTS.map(verdict)),
      el("td", { class: "note" }, el("input", { type: "text", value: mark.note, "aria-label": `note on ${id}`, placeholder: "note", maxLength: 2000, onchange: (event) => SCALER.marks.set(id, { note: event.target.value }) })),
      el("td", {}, button("remove", () => many("Mark removed.", () => SCALER.marks.set(id, { verdict: "", note: "" })), { "aria-label": `remove the mark of ${id}` })));
  }

  function list(data, all, state) {
    const shown = all.filter(([, mark]) => !only || mark.verdict === only);
    if (!all.length) return el("p", { class: "wait" }, "Nothing is marked yet. In the list or on an image, press a to accept, r to reject, n to ask for annotation.");
    const body = el("tbody", {}, shown.slice(0, SHOWN).map(([id, mark]) => line(data, id, mark, state)));
    let count = Math.min(SHOWN, shown.length);
    const more = button("", () => {
      body.append(...shown.slice(count, count + SHOWN).map(([id, mark]) => line(data, id, mark, state)));
      count = Math.min(count + SHOWN, shown.length);
      label();
    });
    const label = () => { more.textContent = `show more (${shown.length - count})`; more.hidden = count === shown.length; };
    label();
    return el("section", { class: "marked" }, el("table", { class: "numbers" },
      el("thead", {}, el("tr", {}, ["", "image", "verdict", "note", ""].map((title) => el("th", { scope: "col" }, title)))), body), more);
  }

  async function show(page, state, before, fresh) {
    const data = await SCALER.data.load(state.run), current = await SCALER.current(state);
    if (fresh && !fresh()) return;
    if (before && before.view !== "selection") [outcome, undo] = [[], null];
    const all = sorted(SCALER.marks.all());
    page.replaceChildren(
      el("section", {}, el("h1", {}, "Selection"), counts(all), bulk(data, current, state), keeping(data, all)),
      outward(data, state, all), list(data, all, state));
  }

  SCALER.pages.selection = { title: "Selection", show };
})();
