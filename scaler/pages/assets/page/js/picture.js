"use strict";
// Layers of an image: pictures from the tiles, and maps that are computed from them pixel by pixel.
(() => {
  const BLUE = [74, 163, 255], ORANGE = [255, 150, 30], GREEN = [0, 190, 130], PURPLE = [179, 164, 238], RED = [213, 94, 0]; // as in pictures.py
  const LAYERS = [
    { key: "image", title: "image" },
    { key: "teacher", title: "teacher", colour: BLUE },
    { key: "sam", title: "SAM", colour: ORANGE },
    { key: "consensus", title: "consensus", colour: PURPLE, train: true },
    { key: "segmenter", title: "student", colour: [0, 90, 200] },
    { key: "u_teacher", title: "u of teacher (eq 6)", scale: true },
    { key: "u_sam", title: "u of SAM (eq 6)", scale: true },
    { key: "disagreement", title: "disagreement", colour: RED, scale: true },
    { key: "truth", title: "truth", colour: GREEN },
    { key: "marks", title: "marks" },
  ];
  const decoded = new Map();

  function decode(uri) { // a data URI as ImageData
    if (!decoded.has(uri)) {
      if (decoded.size > 120) decoded.delete(decoded.keys().next().value);
      decoded.set(uri, new Promise((resolve, reject) => {
        const picture = new Image();
        picture.onload = () => {
          const canvas = document.createElement("canvas");
          canvas.width = picture.naturalWidth;
          canvas.height = picture.naturalHeight;
          const context = canvas.getContext("2d", { willReadFrequently: true });
          context.drawImage(picture, 0, 0);
          resolve(context.getImageData(0, 0, canvas.width, canvas.height));
        };
        picture.onerror = () => reject(new Error("a picture of this page is damaged"));
        picture.src = uri;
      }));
    }
    return decoded.get(uri);
  }

  async function levels(uri) { // the first channel of a grey picture
    if (!uri) return null;
    const pixels = await decode(uri);
    const values = new Uint8Array(pixels.width * pixels.height);
    for (let i = 0; i < values.length; i++) values[i] = pixels.data[4 * i];
    return { values, width: pixels.width, height: pixels.height };
  }

  // The maps of one row at one stop: layer -> levels 0..255 or ImageData ("image"); null where there is none.
  async function maps(data, stop, row) {
    const [own, labels] = await Promise.all([SCALER.data.tile(data, "images", row), SCALER.data.tile(data, stop, row)]);
    const [image, truth, marks, teacher, sam, consensus, segmenter] = await Promise.all([
      decode(own.image), levels(own.truth), levels(own.marks), levels(labels.teacher), levels(labels.sam),
      levels(labels.consensus), levels(labels.segmenter),
    ]);
    const weigh = (map) => map && { ...map, values: map.values.map((level) => Math.round(255 * data.run.pixel_weight[level])) };
    const apart = teacher && sam && { ...teacher, values: teacher.values.map((level, i) => Math.abs(level - sam.values[i])) };
    return { image, truth, marks, teacher, sam, consensus, segmenter, u_teacher: weigh(teacher), u_sam: weigh(sam), disagreement: apart };
  }

  const tint = (from, to, part) => from.map((value, i) => value + (to[i] - value) * part);

  function colour(layer, level) { // of a map shown by itself
    if (layer === "marks") return level > 200 ? GREEN : level > 60 ? RED : [24, 26, 30];
    if (layer === "disagreement") return tint([24, 26, 30], RED, level / 255);
    if (layer.startsWith("u_")) return tint([68, 1, 84], [253, 231, 37], level / 255);
    return [level, level, level];
  }

  function draw(canvas, layer, map) { // one layer by itself
    canvas.width = map ? map.width : 96;
    canvas.height = map ? map.height : 96;
    const context = canvas.getContext("2d");
    if (!map) return;
    if (layer === "image") { context.putImageData(map, 0, 0); return; }
    const pixels = context.createImageData(map.width, map.height);
    for (let i = 0; i < map.values.length; i++) {
      const [r, g, b] = colour(layer, map.values[i]);
      pixels.data.set([r, g, b, 255], 4 * i);
    }
    context.putImageData(pixels, 0, 0);
  }

  function overlay(canvas, all, layers, opacity) { // layers in colour on the photograph; marks always opaque
    draw(canvas, "image", all.image);
    const context = canvas.getContext("2d");
    const pixels = context.getImageData(0, 0, canvas.width, canvas.height);
    for (const key of layers) {
      const map = all[key], layer = LAYERS.find((item) => item.key === key);
      if (!map || map.width !== canvas.width) continue;
      for (let i = 0; i < map.values.length; i++) {
        if (key === "marks" && map.values[i] === 0) continue;
        const paint = layer.colour || colour(key, map.values[i]);
        const part = key === "marks" ? 1 : opacity * (layer.colour ? map.values[i] / 255 : 1);
        for (let c = 0; c < 3; c++) pixels.data[4 * i + c] += (paint[c] - pixels.data[4 * i + c]) * part;
      }
    }
    context.putImageData(pixels, 0, 0);
  }

  function outline(canvas, all, layers) { // where each map crosses p = 0.5, on the photograph
    draw(canvas, "image", all.image);
    const context = canvas.getContext("2d");
    const pixels = context.getImageData(0, 0, canvas.width, canvas.height);
    for (const key of layers) {
      const map = all[key], layer = LAYERS.find((item) => item.key === key);
      if (!map || !layer.colour || key === "disagreement") continue;
      const inside = (x, y) => x >= 0 && y >= 0 && x < map.width && y < map.height && map.values[y * map.width + x] >= 128;
      for (let y = 0; y < map.height; y++) for (let x = 0; x < map.width; x++) {
        if (inside(x, y) && !(inside(x - 1, y) && inside(x + 1, y) && inside(x, y - 1) && inside(x, y + 1))) {
          pixels.data.set([...layer.colour, 255], 4 * (y * map.width + x));
        }
      }
    }
    context.putImageData(pixels, 0, 0);
  }

  SCALER.picture = { LAYERS, maps, draw, overlay, outline, levels };
})();
