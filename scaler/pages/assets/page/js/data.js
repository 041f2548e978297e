"use strict";
// The run that is looked at: its description, its images, and the numbers of each stop.
(() => {
  const loaded = new Map();

  async function load(name) {
    if (!loaded.has(name)) {
      const [run, images] = await Promise.all([SCALER.need(`${name}/run`), SCALER.need(`${name}/images`)]);
      const rows = new Map();
      images.id.forEach((id, row) => { if (!rows.has(id)) rows.set(id, row); });
      loaded.set(name, { name, run, images, rows, tables: {} });
    }
    return loaded.get(name);
  }

  async function table(data, stop) {
    if (!data.tables[stop]) data.tables[stop] = await SCALER.need(`${data.name}/table/${stop}`);
    return data.tables[stop];
  }

  const last = (run) => run.stops[run.stops.length - 1].name;
  const stopOf = (data, state) => (data.run.stops.some((stop) => stop.name === state.stop) ? state.stop : last(data.run));
  const titleOf = (run, name) => run.stops.find((stop) => stop.name === name).title;

  async function tile(data, layer, row) {
    const chunk = Math.floor(row / data.run.chunk);
    const values = await SCALER.need(`${data.name}/tiles/${layer}/${chunk}`);
    const place = row - chunk * data.run.chunk;
    return Object.fromEntries(Object.entries(values).map(([key, list]) => [key, list[place]]));
  }

  function splitOf(run, row) {
    return Object.keys(run.splits).find((name) => run.splits[name][0] <= row && row < run.splits[name][1]);
  }

  SCALER.data = { load, table, tile, last, stopOf, titleOf, splitOf };
})();
