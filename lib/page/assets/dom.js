/**
 * Elements made and kept up to date. Texts become text nodes: nothing that was told is ever read as HTML.
 * @module
 */

const SVG = "http://www.w3.org/2000/svg";

/** An element with attributes, listeners (`onclick`) and children; `undefined` and `false` are left out. */
export function h(tag, attributes = {}, children = []) {
  return filled(document.createElement(tag), attributes, children);
}

/** The same in SVG. */
export function svg(tag, attributes = {}, children = []) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else attribute(element, name, value);
  }
  const all = Array.isArray(children) ? children : [children];
  element.append(...all.filter((child) => child !== undefined && child !== false));
  return element;
}

/** Set an attribute where it is another; `undefined` and `false` take it away. */
export function attribute(element, name, value) {
  if (value === undefined || value === false) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

/** Set a text where it is another. */
export function text(element, value) {
  if (element.textContent !== value) element.textContent = value;
}

/** The element of that id, which is in the page. */
export function byId(id) {
  const found = document.getElementById(id);
  if (found === null) throw new TypeError(`The page has no '${id}'`);
  return found;
}

/**
 * Children of `parent` that stand for `items`: those that are there are kept with their focus, and
 * moved, changed, added or taken away as it needs.
 *
 * @param {Element} parent
 * @param {readonly any[]} items
 * @param {{ keyOf: (item: any) => string, make: (item: any) => Element,
 *   change: (element: Element, item: any) => void }} how
 */
export function keep(parent, items, { keyOf, make, change }) {
  const known = parent.kept ??= new Map();
  const wanted = new Map(items.map((item) => [keyOf(item), item]));
  // First of all: what is to stay is moved as little as can be, as moving takes the focus away.
  for (const [key, element] of known) {
    if (wanted.has(key)) continue;
    known.delete(key);
    element.remove();
  }
  let place = parent.firstElementChild;
  for (const [key, item] of wanted) {
    let element = known.get(key);
    if (element === undefined) known.set(key, element = make(item));
    change(element, item);
    if (element === place) place = place.nextElementSibling;
    else parent.insertBefore(element, place);
  }
}
