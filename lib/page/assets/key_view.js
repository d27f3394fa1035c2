/** Asks for the key, where the router wants one. @module */
import { byId, h } from "./dom.js";

/** Ask until there is a key, which `api` keeps; resolves when there is one to be tried. */
export function askForKey(api, why) {
  const dialog = byId("key-dialog");
  const input = h("input", {
    id: "key",
    type: "password",
    autocomplete: "off",
    required: "",
    "aria-describedby": "key-note",
  });
  const form = h("form", { method: "dialog" }, [
    h("h2", { id: "key-title" }, "This router asks for a key"),
    h("p", { role: "alert" }, why),
    h("label", { for: "key" }, "Admin key"),
    input,
    h("p", { id: "key-note", class: "aside" }, [
      "One of --admin-api-key or --admin-api-keys-file. It is kept for this tab alone, until it is closed.",
    ]),
    h("div", { class: "actions" }, h("button", { type: "submit", class: "sure" }, "Go on")),
  ]);
  dialog.replaceChildren(form);
  if (!dialog.open) dialog.showModal();
  input.focus();
  return new Promise((resolve) => {
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    dialog.addEventListener("close", () => {
      api.setKey(input.value.trim());
      resolve();
    }, { once: true });
  });
}
