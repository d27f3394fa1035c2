/** Label selectors, as an API server reads them. @module */

/** Whether labels are selected. */
export type Selector = (labels: Readonly<Record<string, string>>) => boolean;

/** The selector that `text` is; undefined where it is none. */
export function parseSelector(text: string): Selector | undefined {
  if (text === "") return () => true;
  const parts = text.split(/,(?![^(]*\))/).map(parseRequirement);
  if (parts.includes(undefined)) return undefined;
  return (labels) => parts.every((part) => part?.(labels) === true);
}

const KEY = "[A-Za-z0-9][A-Za-z0-9_.\\/-]*";
const VALUE = "[A-Za-z0-9_.-]*";

function parseRequirement(text: string): Selector | undefined {
  const [, equalKey, operator, value] =
    new RegExp(`^\\s*(${KEY})\\s*(==?|!=)\\s*(${VALUE})\\s*$`).exec(text) ?? [];
  if (equalKey !== undefined) {
    return (labels) => (labels[equalKey] === value) === (operator !== "!=");
  }
  const [, setKey, how, list = ""] =
    new RegExp(`^\\s*(${KEY})\\s+(in|notin)\\s*\\(([^()]*)\\)\\s*$`).exec(text) ?? [];
  if (setKey !== undefined) {
    const values = list.split(",").map((item) => item.trim());
    return (labels) => values.includes(labels[setKey] ?? "") === (how === "in");
  }
  const [, not, key] = new RegExp(`^\\s*(!?)\\s*(${KEY})\\s*$`).exec(text) ?? [];
  if (key === undefined) return undefined;
  return (labels) => (key in labels) === (not === "");
}
