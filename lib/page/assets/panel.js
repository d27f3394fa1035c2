/** A dialog at the side that tells of one thing, and goes by its name in the address. @module */
import { h } from "./dom.js";
import { icon } from "./icons.js";

/** One dialog; `name` is that of its things in the address, `#engine=…`. */
export class Panel {
  #dialog;
  #name;
  #onClose;

  constructor(dialog, name, onClose = () => {}) {
    this.#dialog = dialog;
    this.#name = name;
    this.#onClose = onClose;
    dialog.addEventListener("close", () => {
      history.replaceState(null, "", location.pathname + location.search);
      this.#onClose();
    });
    // A click beside it, on what lies behind.
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog) dialog.close();
    });
  }

  get isOpen() {
    return this.#dialog.open;
  }

  /** Show `content` of the thing that is called `id`. */
  show(id, title, content) {
    const close = h("button", {
      type: "button",
      class: "close",
      "aria-label": "Close",
      onclick: () => this.close(),
    }, icon("cross"));
    const head = h("header", {}, [
      h("h2", { id: `${this.#name}-title`, tabindex: "-1" }, title),
      close,
    ]);
    this.#dialog.replaceChildren(h("div", { class: "sheet" }, [head, ...content]));
    history.replaceState(null, "", `#${this.#name}=${encodeURIComponent(id)}`);
    if (!this.#dialog.open) this.#dialog.showModal();
  }

  close() {
    this.#dialog.close();
  }
}

/** A list of names and values; those without a value are left out. */
export function facts(entries) {
  return h(
    "dl",
    { class: "facts-list" },
    entries.filter(([, value]) => value !== undefined && value !== "")
      .map(([name, value]) => h("div", {}, [h("dt", {}, name), h("dd", {}, value)])),
  );
}
