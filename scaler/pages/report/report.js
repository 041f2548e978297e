"use strict";
(function () {
  var root = document.documentElement;
  root.classList.add("js");

  function all(selector, within) {
    return Array.prototype.slice.call((within || document).querySelectorAll(selector));
  }

  function press(button) {
    all("button", button.parentNode).forEach(function (other) {
      if (other.dataset.kind === button.dataset.kind) {
        other.setAttribute("aria-pressed", String(other === button));
      }
    });
  }

  function showGroup(gallery, key) {
    var cards = all(".card", gallery);
    var rank = function (card) {
      return card.hasAttribute("data-" + key) ? Number(card.getAttribute("data-" + key)) : Infinity;
    };
    cards.sort(function (a, b) { return rank(a) - rank(b); });
    cards.forEach(function (card) {
      card.hidden = rank(card) === Infinity;
      card.parentNode.appendChild(card);
    });
    all("[data-meaning]", gallery).forEach(function (text) {
      text.hidden = text.dataset.meaning !== key;
    });
  }

  var actions = {
    group: function (button) { showGroup(button.closest(".gallery"), button.value); },
    size: function (button) { button.closest(".gallery").dataset.size = button.value; },
    split: function (button) {
      all("[data-split]").forEach(function (charts) { charts.hidden = charts.dataset.split !== button.value; });
    }
  };

  all("button[data-kind]").forEach(function (button) {
    button.addEventListener("click", function () {
      press(button);
      actions[button.dataset.kind](button);
    });
  });
  all(".gallery").forEach(function (gallery) {
    var chosen = gallery.querySelector("button[data-kind=group][aria-pressed=true]");
    if (chosen) { showGroup(gallery, chosen.value); }
  });
  var split = document.querySelector("button[data-kind=split][aria-pressed=true]");
  if (split) { actions.split(split); }

  document.getElementById("theme").addEventListener("click", function () {
    var dark = root.dataset.theme ? root.dataset.theme === "dark"
      : window.matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });
})();
