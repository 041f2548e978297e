"use strict";
// Building the page. Text is always set as text: an image may be called <script> or "onload=.
SCALER.el = (tag, properties = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (name === "style") Object.assign(element.style, value);
    else if (name === "dataset") Object.assign(element.dataset, value);
    else if (name in element && name !== "list" && name !== "role") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...SCALER.there(children));
  return element;
};

SCALER.there = (children) => children.flat(2).filter((child) => child !== null && child !== undefined && child !== false);
SCALER.fill = (element, ...children) => element.replaceChildren(...SCALER.there(children));

SCALER.svg = (tag, attributes = {}, ...children) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
};

SCALER.select = (label, options, value, onchange) => {
  const box = SCALER.el("select", { onchange: (event) => onchange(event.target.value), "aria-label": label });
  for (const [key, title] of options) box.append(SCALER.el("option", { value: key, selected: key === value }, title));
  return SCALER.el("label", { class: "field" }, SCALER.el("span", {}, label), box);
};

SCALER.button = (text, onclick, properties = {}) => SCALER.el("button", { type: "button", onclick, ...properties }, text);

SCALER.copy = async (text, button) => {
  const area = SCALER.el("textarea", { value: text, class: "offscreen" });
  document.body.append(area);
  area.select();
  let done = document.execCommand("copy"); // works from file://, where the clipboard's own interface may not
  area.remove();
  if (!done && navigator.clipboard) done = await navigator.clipboard.writeText(text).then(() => true, () => false);
  const before = button.textContent;
  button.textContent = done ? "copied" : "not allowed here";
  setTimeout(() => { button.textContent = before; }, 1200);
};
