"use strict";
// Light or dark: as the system has it, until the reader chooses; the browser keeps the choice where it may.
SCALER.theme = (change) => {
  const root = document.documentElement;
  let name = root.dataset.theme || "";
  try { name = name || localStorage.getItem("scaler-theme") || ""; } catch { /* not kept */ }
  if (change) {
    const dark = name ? name === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    name = dark ? "light" : "dark";
    try { localStorage.setItem("scaler-theme", name); } catch { /* not kept */ }
  }
  if (name) root.dataset.theme = name;
  if (change) SCALER.charts.repaint();
};
SCALER.theme(false);
