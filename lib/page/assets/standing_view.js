/** How something stands, drawn: a shape and a word, in a tone. @module */
import { attribute, h, text } from "./dom.js";
import { icon } from "./icons.js";

/** Have `element` say how something stands. */
export function standingLine(element, { tone, icon: name, label }) {
  attribute(element, "data-tone", tone);
  if (element.shape !== name) {
    element.shape = name;
    element.replaceChildren(icon(name), h("span", { class: "label" }));
  }
  text(element.lastElementChild, label);
}
