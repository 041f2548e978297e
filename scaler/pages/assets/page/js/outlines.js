"use strict";
// Outlines of a label's objects, as polygons. Pure functions; maps as in components.js.
(() => {
  const CUT = 127.5;
  const TOLERANCE = 0.25; // pixels of the map by which an outline may be simpler
  const STEPS = [[1, 0], [0, 1], [-1, 0], [0, -1]]; // right, down, left, up; the object lies to the right of the way

  // Rings around one part along the edges of its pixels; each edge gives the point between the two pixel centres where
  // the map crosses 0.5. Parts that touch in a corner are one. The outer ring runs clockwise (area > 0), holes do not.
  function rings(map, part) {
    const { width, height } = part;
    const inside = (x, y) => x >= 0 && y >= 0 && x < width && y < height && part.values[y * width + x] === 1;
    const level = (x, y) => map.values[(y + part.top) * map.width + x + part.left];
    const known = (x, y) => x + part.left >= 0 && y + part.top >= 0 && x + part.left < map.width && y + part.top < map.height;
    // the pixels to the right and to the left of an edge that begins at corner (x, y)
    const sides = (x, y, way) => [[[x, y], [x, y - 1]], [[x - 1, y], [x, y]], [[x - 1, y - 1], [x - 1, y]], [[x, y - 1], [x - 1, y - 1]]][way];
    const isEdge = (x, y, way) => { const [a, b] = sides(x, y, way); return inside(...a) && !inside(...b); };
    const seen = new Set();
    const keyOf = (x, y, way) => 4 * (y * (width + 1) + x) + way;

    function point(x, y, way) {
      const [a, b] = sides(x, y, way), high = level(...a);
      const low = known(...b) ? level(...b) : 255 - high; // at the border of the map: half-way, on the border
      const share = Math.min(0.98, Math.max(0.02, (high - CUT) / (high - low))); // not through a centre when rounded
      return [a[0] + 0.5 + share * (b[0] - a[0]) + part.left, a[1] + 0.5 + share * (b[1] - a[1]) + part.top];
    }

    function ring(x, y, way) {
      const points = [];
      while (!seen.has(keyOf(x, y, way))) {
        seen.add(keyOf(x, y, way));
        points.push(point(x, y, way));
        [x, y] = [x + STEPS[way][0], y + STEPS[way][1]];
        way = [3, 0, 1].map((turn) => (way + turn) % 4).find((next) => isEdge(x, y, next)); // left first: over corners
      }
      return points;
    }

    const found = [];
    for (let y = 0; y < height; y++) { // every ring goes right somewhere
      for (let x = 0; x < width; x++) if (isEdge(x, y, 0) && !seen.has(keyOf(x, y, 0))) found.push(ring(x, y, 0));
    }
    return found;
  }

  const area = (ring) => ring.reduce((sum, [x, y], i) => { const [a, b] = ring[(i + 1) % ring.length]; return sum + x * b - a * y; }, 0) / 2;

  // A closed ring with fewer points, nowhere farther than the tolerance from the old one (Douglas and Peucker).
  function simpler(ring, tolerance) {
    const far = ring.reduce((best, [x, y], i) => { const d = (x - ring[0][0]) ** 2 + (y - ring[0][1]) ** 2; return d > best[0] ? [d, i] : best; }, [-1, 0])[1];
    const closed = [...ring, ring[0]], kept = new Set([0, far]), waiting = [[0, far], [far, ring.length]];
    while (waiting.length) {
      const [first, last] = waiting.pop(), [x0, y0] = closed[first], [x1, y1] = closed[last];
      const length = Math.hypot(x1 - x0, y1 - y0);
      let most = tolerance, at = -1;
      for (let i = first + 1; i < last; i++) {
        const [x, y] = closed[i];
        const distance = length ? Math.abs((x - x0) * (y1 - y0) - (y - y0) * (x1 - x0)) / length : Math.hypot(x - x0, y - y0);
        if (distance > most) [most, at] = [distance, i];
      }
      if (at >= 0) { kept.add(at); waiting.push([first, at], [at, last]); }
    }
    const result = ring.filter((_, i) => kept.has(i));
    return result.length > 2 ? result : ring;
  }

  // One ring of an outer one and its holes: each hole is reached by a cut of no width, there and back.
  function keyhole(outer, holes) {
    let ring = outer;
    for (const hole of holes) {
      let best = [Infinity, 0, 0];
      ring.forEach(([x, y], i) => hole.forEach(([a, b], j) => { const d = (x - a) ** 2 + (y - b) ** 2; if (d < best[0]) best = [d, i, j]; }));
      const [, i, j] = best;
      ring = [...ring.slice(0, i + 1), ...hole.slice(j), ...hole.slice(0, j + 1), ...ring.slice(i)];
    }
    return ring;
  }

  // A polygon for each object of a map, in the pixels of an image of width x height, to a hundredth.
  function outlines(map, width, height, tolerance = TOLERANCE) {
    const mask = { ...map, values: map.values.map((value) => (value > CUT ? 1 : 0)) };
    const scaled = ([x, y]) => [Math.round((100 * x * width) / map.width) / 100, Math.round((100 * y * height) / map.height) / 100];
    return SCALER.components.parts(mask).map((part) => {
      const found = rings(map, part).map((ring) => simpler(ring, tolerance)).sort((a, b) => area(b) - area(a));
      return keyhole(found[0], found.slice(1)).map(scaled);
    });
  }

  SCALER.outlines = { outlines, rings, simpler, keyhole };
})();
