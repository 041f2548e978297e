"use strict";
// Objects of a label: its mask at another size, connected parts, run lengths and outlines. Pure functions.
// A map is {values, width, height}: values are levels round(255 p), row by row; 128 and more is object (p >= 0.5).
(() => {
  const CUT = 127.5; // p = 0.5

  // Where the pixels of a longer or shorter axis lie on the old one: [left neighbour, right neighbour, part of the right].
  function axis(from, to) {
    return Array.from({ length: to }, (_, i) => {
      const at = Math.min(from - 1, Math.max(0, ((i + 0.5) * from) / to - 0.5)), low = Math.floor(at);
      return [low, Math.min(from - 1, low + 1), at - low];
    });
  }

  // The mask {values of 0 and 1, width, height} at another size: bilinear between pixel centres, then cut at 0.5.
  function maskOf(map, width, height) {
    const columns = axis(map.width, width), rows = axis(map.height, height);
    const values = new Uint8Array(width * height);
    for (let y = 0; y < height; y++) {
      const [top, bottom, down] = rows[y], a = top * map.width, b = bottom * map.width;
      for (let x = 0; x < width; x++) {
        const [left, right, part] = columns[x];
        const above = map.values[a + left] + part * (map.values[a + right] - map.values[a + left]);
        const below = map.values[b + left] + part * (map.values[b + right] - map.values[b + left]);
        if (above + down * (below - above) >= CUT) values[y * width + x] = 1;
      }
    }
    return { values, width, height };
  }

  // Parts of a mask that hang together, over corners too, in the order of their first pixels:
  // {left, top, width, height of the box, area, values of the box}.
  function parts({ values, width, height }) {
    const numbers = new Uint32Array(values.length), found = [];
    for (let start = 0; start < values.length; start++) {
      if (!values[start] || numbers[start]) continue;
      const number = found.length + 1, waiting = [start];
      let left = width, right = 0, top = height, bottom = 0, area = 0;
      numbers[start] = number;
      while (waiting.length) {
        const place = waiting.pop(), x = place % width, y = (place - x) / width;
        area += 1;
        if (x < left) left = x;
        if (x > right) right = x;
        if (y < top) top = y;
        if (y > bottom) bottom = y;
        for (let b = Math.max(0, y - 1); b <= Math.min(height - 1, y + 1); b++) {
          for (let a = Math.max(0, x - 1); a <= Math.min(width - 1, x + 1); a++) {
            const next = b * width + a;
            if (values[next] && !numbers[next]) { numbers[next] = number; waiting.push(next); }
          }
        }
      }
      const box = { left, top, width: right - left + 1, height: bottom - top + 1, area };
      const own = new Uint8Array(box.width * box.height);
      for (let i = 0; i < own.length; i++) {
        const x = i % box.width, y = (i - x) / box.width;
        if (numbers[(y + top) * width + x + left] === number) own[i] = 1;
      }
      found.push({ ...box, values: own });
    }
    return found;
  }

  // Lengths of 0s and 1s in turn, 0s first, of a part in a frame of width x height: row by row, or column by column.
  function runs(part, width, height, byColumn = false) {
    const lines = byColumn ? part.width : part.height, steps = byColumn ? part.height : part.width;
    const lengths = [];
    let end = 0; // of what has been counted
    for (let line = 0; line < lines; line++) {
      const first = byColumn ? (part.left + line) * height + part.top : (part.top + line) * width + part.left;
      for (let step = 0; step < steps; step++) {
        if (!part.values[byColumn ? step * part.width + line : line * part.width + step]) continue;
        const place = first + step;
        if (lengths.length && place === end) lengths[lengths.length - 1] += 1;
        else lengths.push(place - end, 1);
        end = place + 1;
      }
    }
    return end < width * height ? [...lengths, width * height - end] : lengths;
  }

  // COCO's text of run lengths: differences to the last but one from the fourth on, 5 bits a letter, least ones first.
  function packed(lengths) {
    let text = "";
    lengths.forEach((length, i) => {
      let value = i > 2 ? length - lengths[i - 2] : length, more = true;
      while (more) {
        let letter = value & 31;
        value >>= 5;
        more = letter & 16 ? value !== -1 : value !== 0;
        if (more) letter |= 32;
        text += String.fromCharCode(letter + 48);
      }
    });
    return text;
  }

  // Objects of a map at width x height, as the formats need them: box, area, and run lengths instead of pixels.
  function objects(map, width, height) {
    return parts(maskOf(map, width, height)).map((part) => {
      const { left, top, area } = part;
      const own = { ...part, left: 0, top: 0 };
      return {
        left, top, width: part.width, height: part.height, area,
        counts: packed(runs(part, width, height, true)), rows: runs(part, width, height), boxed: runs(own, part.width, part.height),
      };
    });
  }

  SCALER.components = { maskOf, parts, runs, packed, objects };
})();
