// @ts-check
/** Asks the admin API, which may want a key. @module */

/** Where the key is kept: for this tab alone, and no longer than it. */
const KEY = "pd-router admin key";

/** What the API says where it refuses. */
export class Refused extends Error {
  /**
   * @param {number} status
   * @param {string} message
   */
  constructor(status, message) {
    super(message);
    this.name = "Refused";
    this.status = status;
  }
}

/**
 * @typedef {object} ApiPorts
 * @property {typeof fetch} fetch
 * @property {Pick<Storage, "getItem" | "setItem" | "removeItem">} storage
 */

/** One router's API, at where the page is from. */
export class Api {
  #ports;

  /** @param {ApiPorts} ports */
  constructor(ports) {
    this.#ports = ports;
  }

  /** Whether a key is kept. */
  get hasKey() {
    return this.#ports.storage.getItem(KEY) !== null;
  }

  /** Keep `key`, or none. @param {string | undefined} key */
  setKey(key) {
    const { storage } = this.#ports;
    if (key === undefined) storage.removeItem(KEY);
    else storage.setItem(KEY, key);
  }

  /**
   * The answer to `method` on `path` where it is a good one. Rejects with `Refused`, or where nobody
   * answers.
   * @param {"GET" | "POST"} method
   * @param {string} path Without the slash before it.
   * @param {AbortSignal} [signal]
   * @returns {Promise<Response>}
   */
  async ask(method, path, signal) {
    const key = this.#ports.storage.getItem(KEY);
    const answer = await this.#ports.fetch(path, {
      method,
      headers: {
        ...(method === "POST" ? { "content-type": "application/json" } : {}),
        ...(key === null ? {} : { authorization: `Bearer ${key}` }),
      },
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
      ...(signal === undefined ? {} : { signal }),
    });
    if (answer.ok) return answer;
    throw new Refused(answer.status, await refusalIn(answer));
  }

  /**
   * The same as a JSON value.
   * @param {"GET" | "POST"} method
   * @param {string} path
   * @param {AbortSignal} [signal]
   * @returns {Promise<any>}
   */
  async json(method, path, signal) {
    return await (await this.ask(method, path, signal)).json();
  }
}

/** @param {Response} answer */
async function refusalIn(answer) {
  const text = await answer.text();
  try {
    const message = JSON.parse(text)?.error?.message;
    if (typeof message === "string") return message;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return `The router answered ${answer.status}`;
}
