"use strict";
// The selection in the formats of other tools. Pure: items in; {files: [[name, text]], left: [ids]} out, where `left`
// are images whose names the format cannot hold. An item: {id, name (id with suffix), verdict, note, width, height,
// columns, objects (components.objects), polygons (outlines.outlines)}; the last two at the image's own size.
(() => {
  const LABEL = "object";
  const json = (value) => `${JSON.stringify(value)}\n`; // half surrogate pairs are escaped, so that nothing is altered
  const xml = (text) => text.replace(/[&<>"'\n\r\t]/g, (letter) => `&#${letter.charCodeAt(0)};`);
  const isText = (text) => !/\p{Surrogate}/u.test(text); // UTF-8 can hold it
  const isLine = (text) => isText(text) && text !== "" && text.trim() === text && !/[\n\v\f\r\x1c-\x1f\x85\u2028\u2029]/.test(text);
  const isXml = (text) => isText(text) && !/[\x00-\x08\v\f\x0e-\x1f\ufffe\uffff]/.test(text);

  const split = (items, fits) => [items.filter((item) => fits(item.id)), items.filter((item) => !fits(item.id)).map((item) => item.id)];

  function list(items) { // as prepare_data.labelled_list reads it
    const [kept, left] = split(items, isLine);
    return { files: [["selection.txt", kept.map((item) => `${item.id}\n`).join("")]], left };
  }

  function cell(value) { // a spreadsheet must not take a text for a formula
    const text = value === null || value === undefined ? "" : String(value);
    const safe = typeof value === "string" && /^\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]/.test(text) ? `'${text}` : text;
    return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  }

  function csv(items) {
    const [kept, left] = split(items, isText);
    const columns = [...new Set(kept.flatMap((item) => Object.keys(item.columns)))];
    const lines = [["id", "verdict", "note", ...columns], ...kept.map((item) => [item.id, item.verdict, item.note, ...columns.map((key) => item.columns[key])])];
    return { files: [["selection.csv", lines.map((line) => `${line.map(cell).join(",")}\r\n`).join("")]], left };
  }

  function coco(items) { // an annotation for each object, run lengths as pycocotools packs them
    const images = [], annotations = [];
    for (const item of items) {
      images.push({ id: images.length + 1, file_name: item.name, width: item.width, height: item.height });
      for (const part of item.objects) {
        annotations.push({
          id: annotations.length + 1, image_id: images.length, category_id: 1, iscrowd: 0, area: part.area,
          bbox: [part.left, part.top, part.width, part.height],
          segmentation: { size: [item.height, item.width], counts: part.counts },
        });
      }
    }
    return { files: [["annotations.json", json({ images, annotations, categories: [{ id: 1, name: LABEL }] })]], left: [] };
  }

  function labelme(items) { // a file for each image, to be put beside the image
    const files = items.map((item) => [`${item.id}.json`, json({
      version: "5.5.0", flags: {}, imagePath: item.name.split("/").pop(), imageData: null, imageHeight: item.height, imageWidth: item.width,
      shapes: item.polygons.map((points) => ({ label: LABEL, points, group_id: null, description: item.note, shape_type: "polygon", flags: {}, mask: null })),
    })]);
    return { files, left: [] };
  }

  function cvat(items, masks) { // CVAT for images 1.1; polygons, or masks by run lengths along the rows of their boxes
    const [kept, left] = split(items, isXml);
    const common = `label="${LABEL}" source="auto" occluded="0" z_order="0"`;
    const mask = (part) => `    <mask ${common} rle="${part.boxed.join(", ")}" left="${part.left}" top="${part.top}" width="${part.width}" height="${part.height}"/>\n`;
    const polygon = (points) => `    <polygon ${common} points="${points.map((point) => point.join(",")).join(";")}"/>\n`;
    const image = (item, number) => `  <image id="${number}" name="${xml(item.name)}" width="${item.width}" height="${item.height}">\n`
      + `${(masks ? item.objects.map(mask) : item.polygons.map(polygon)).join("")}  </image>\n`;
    const meta = `  <version>1.1</version>\n  <meta><task><labels><label><name>${LABEL}</name></label></labels></task></meta>\n`;
    return { files: [["annotations.xml", `<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n${meta}${kept.map(image).join("")}</annotations>\n`]], left };
  }

  // Label Studio's brush: packed bits of an RGBA picture. The number of values in 32 bits; the word size - 1 in 5; four
  // widths - 1 in 4 each; then runs: 1, which width in 2 bits, the length - 1 in that width, the value in a word.
  function brush(rows, pixels) {
    const WIDTHS = [3, 4, 8, 16], bytes = [];
    let free = 0; // bits of the last byte that are still to be set
    const put = (value, width) => {
      for (let bit = width - 1; bit >= 0; bit--) {
        if (!free) { bytes.push(0); free = 8; }
        free -= 1;
        bytes[bytes.length - 1] |= (Math.floor(value / 2 ** bit) % 2) << free;
      }
    };
    put(4 * pixels, 32);
    put(7, 5);
    for (const width of WIDTHS) put(width - 1, 4);
    rows.forEach((length, i) => {
      for (let rest = 4 * length; rest > 0;) {
        const step = Math.min(rest, 2 ** 16), which = WIDTHS.findIndex((width) => step <= 2 ** width);
        put(1, 1);
        put(which, 2);
        put(step - 1, WIDTHS[which]);
        put(i % 2 ? 255 : 0, 8);
        rest -= step;
      }
    });
    return bytes;
  }

  const CONFIG = `<View>\n  <Image name="image" value="$image"/>\n  <BrushLabels name="brush" toName="image"><Label value="${LABEL}"/></BrushLabels>\n`
    + `  <PolygonLabels name="polygon" toName="image"><Label value="${LABEL}"/></PolygonLabels>\n</View>\n`;

  function labelStudio(items, masks) { // tasks with pre-annotations, and the labelling configuration that fits them
    const [kept, left] = split(items, isText);
    const percent = (item) => ([x, y]) => [(100 * x) / item.width, (100 * y) / item.height];
    const region = (item, kind, value, number) => ({
      id: `object${number}`, type: `${kind}labels`, from_name: kind, to_name: "image", original_width: item.width, original_height: item.height,
      image_rotation: 0, value: { ...value, [`${kind}labels`]: [LABEL] },
    });
    const result = (item) => (masks
      ? item.objects.map((part, number) => region(item, "brush", { format: "rle", rle: brush(part.rows, item.width * item.height) }, number))
      : item.polygons.map((points, number) => region(item, "polygon", { points: points.map(percent(item)), closed: true }, number)));
    const address = (name) => `/data/local-files/?d=${name.split("/").map(encodeURIComponent).join("/")}`;
    const tasks = kept.map((item) => ({ data: { image: address(item.name), note: item.note }, predictions: [{ model_version: "scaler", result: result(item) }] }));
    return { files: [["tasks.json", json(tasks)], ["labeling_config.xml", CONFIG]], left };
  }

  // What a format needs of an item: "objects", "polygons", or nothing; `masks`: run lengths rather than polygons.
  SCALER.formats = {
    list: { title: "list of ids", make: list, needs: () => "" },
    csv: { title: "CSV", make: csv, needs: () => "" },
    coco: { title: "COCO", make: coco, needs: () => "objects" },
    labelme: { title: "Labelme", make: labelme, needs: () => "polygons" },
    cvat: { title: "CVAT", make: cvat, needs: (masks) => (masks ? "objects" : "polygons") },
    "label-studio": { title: "Label Studio", make: labelStudio, needs: (masks) => (masks ? "objects" : "polygons") },
  };
})();
