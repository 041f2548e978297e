// The report's buttons, its charts, and what happens when it is printed.
(() => {
  const root = document.documentElement;
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  function showGroup(gallery, key) { // the cards of one group, in its order
    const rank = (card) => (card.hasAttribute(`data-${key}`) ? Number(card.getAttribute(`data-${key}`)) : Infinity);
    for (const card of all(".card", gallery).sort((a, b) => rank(a) - rank(b))) {
      card.hidden = rank(card) === Infinity;
      card.parentNode.append(card);
    }
    for (const text of all("[data-meaning]", gallery)) text.hidden = text.dataset.meaning !== key;
  }

  const ACTIONS = {
    group: (button) => showGroup(button.closest(".gallery"), button.value),
    size: (button) => { button.closest(".gallery").dataset.size = button.value; },
    split: (button) => { for (const charts of all("[data-split]")) charts.hidden = charts.dataset.split !== button.value; SCALER.charts.fit(); },
  };

  for (const source of all(".chart script")) SCALER.charts.draw(source.parentNode, JSON.parse(source.textContent));
  for (const button of all("button[data-kind]")) {
    button.addEventListener("click", () => {
      for (const other of all(`button[data-kind=${button.dataset.kind}]`, button.parentNode)) other.setAttribute("aria-pressed", String(other === button));
      ACTIONS[button.dataset.kind](button);
    });
    if (button.getAttribute("aria-pressed") === "true") ACTIONS[button.dataset.kind](button);
  }
  document.getElementById("theme").addEventListener("click", () => SCALER.theme(true));

  let screen; // the theme to go back to
  addEventListener("beforeprint", () => { screen = root.dataset.theme; root.dataset.theme = "light"; SCALER.charts.repaint(); });
  addEventListener("afterprint", () => { if (screen) root.dataset.theme = screen; else delete root.dataset.theme; SCALER.charts.repaint(); });
})();
