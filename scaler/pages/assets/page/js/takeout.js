"use strict";
// The way out of the page: marked images with their labels, in the formats of other tools.
(() => {
  const LABELS = [["teacher", "teacher"], ["sam", "SAM"], ["consensus", "consensus"]];
  // how objects go out where a format knows both
  const SHAPES = [["polygons", "polygons"], ["masks", "masks (run lengths)"]];

  // Items as formats.js takes them, of [[id, mark]]; needs: "objects", "polygons" or "" (see formats.js).
  // Images that this run does not have, or that have no label of this source at the stop, are counted in `lost`.
  async function collect(data, stop, marked, { label, suffix, needs, advance }) {
    const table = await SCALER.data.table(data, stop), items = [], lost = { unknown: [], unlabelled: [] };
    for (const [number, [id, mark]] of marked.entries()) {
      const row = data.rows.get(id);
      if (row === undefined) { lost.unknown.push(id); continue; }
      const width = data.images.width[row], height = data.images.height[row];
      const item = { id, name: id + (data.images.suffix[row] || suffix), ...mark, width, height, columns: columnsOf(data, table, stop, row), objects: [], polygons: [] };
      if (needs) {
        const uri = (await SCALER.data.tile(data, stop, row))[label];
        if (!uri) { lost.unlabelled.push(id); continue; }
        item[needs] = (needs === "objects" ? SCALER.components.objects : SCALER.outlines.outlines)(await SCALER.picture.levels(uri), width, height);
      }
      items.push(item);
      advance(number + 1);
      if (needs) await new Promise((done) => { setTimeout(done); }); // the page stays alive
    }
    return { items, lost };
  }

  function columnsOf(data, table, stop, row) {
    const columns = { stop, split: data.images.split[row], set: data.images.set[row] };
    for (const column of SCALER.columns.COLUMNS) columns[column.key] = SCALER.columns.value(data, table, column.key, row);
    return columns;
  }

  const some = (ids) => `${ids.slice(0, 3).map((id) => JSON.stringify(id)).join(", ")}${ids.length > 3 ? ` and ${ids.length - 3} more` : ""}`;

  // Make and save; returns sentences that say what went out and what did not.
  async function takeOut(kind, data, stop, marked, options) {
    const format = SCALER.formats[kind], masks = options.shape === "masks";
    const { items, lost } = await collect(data, stop, marked, { ...options, needs: format.needs(masks) });
    const { files, left } = format.make(items, masks);
    const outcome = [];
    if (items.length > left.length) {
      SCALER.download.files(`selection-${kind}`, files, kind === "labelme" ? { archive: true } : {});
      outcome.push(`${format.title}: ${items.length - left.length} images saved to your browser's downloads.`);
    } else outcome.push(`${format.title}: nothing to export.`);
    if (lost.unlabelled.length) outcome.push(`Left out because ${options.label === "sam" ? "SAM" : `the ${options.label}`} has no labels for them at ${SCALER.data.titleOf(data.run, stop)}: ${some(lost.unlabelled)}.`);
    if (lost.unknown.length) outcome.push(`Left out because this run does not have them: ${some(lost.unknown)}.`);
    if (left.length) outcome.push(`Left out because this format cannot hold their names: ${some(left)}.`);
    return outcome;
  }

  SCALER.takeout = { LABELS, SHAPES, takeOut };
})();
