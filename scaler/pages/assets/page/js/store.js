"use strict";
// Data by key. A data file is a classic script that calls SCALER.put: that works from file://, where fetch does not.
var SCALER = (() => {
  const KEPT = 80; // chunks of pictures held in memory
  const values = new Map();
  const asked = new Map();

  function put(key, value) {
    values.set(key, value);
    const tiles = [...values.keys()].filter((name) => name.includes("/tiles/"));
    for (const old of tiles.slice(0, Math.max(0, tiles.length - KEPT))) {
      values.delete(old);
      asked.delete(old);
    }
  }

  function need(key) {
    if (values.has(key)) {
      const value = values.get(key);
      values.delete(key); // to the end: used last
      values.set(key, value);
      return Promise.resolve(value);
    }
    if (!asked.has(key)) asked.set(key, load(key));
    return asked.get(key);
  }

  function load(key) {
    return new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = `data/${key}.js`;
      script.onload = () => {
        script.remove();
        if (values.has(key)) resolve(values.get(key));
        else reject(new Error(`data/${key}.js holds other data than its name says; make the page again with: python -m scaler inspect`));
      };
      script.onerror = () => {
        script.remove();
        asked.delete(key);
        reject(new Error(`data/${key}.js cannot be read; make the page again with: python -m scaler inspect`));
      };
      document.head.append(script);
    });
  }

  return { put, need, have: (key) => values.get(key), pages: {} };
})();
