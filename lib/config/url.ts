/** Base URLs of engines. @module */
import type { Parsed } from "./value.ts";

/** One engine's address, in the one form it is known by. */
export interface EngineUrl {
  /** Without a trailing slash or a default port. */
  readonly url: string;
  /** Name or address as in the URL; IPv6 addresses keep their brackets. */
  readonly host: string;
  /** `host:port`, with the base path if there is one. */
  readonly id: string;
}

/** `text` as an engine's base URL, or why it is none. */
export function parseEngineUrl(text: string): Parsed<EngineUrl> {
  if (!/^https?:\/\/[^/]/i.test(text)) {
    return bad("expected a URL such as http://10.0.0.1:8000");
  }
  if (!URL.canParse(text)) return bad("not a valid URL");
  const parsed = new URL(text);
  if (parsed.username !== "" || parsed.password !== "" || text.includes("@")) {
    return bad("a URL with a user name or password is refused; engines take VLLM_API_KEY");
  }
  if (/[?#]/.test(text)) return bad("a URL with a query or fragment is refused");
  const path = parsed.pathname.replace(/\/+$/, "");
  if (path.endsWith("/v1")) return bad("give the URL without /v1, which requests add");
  const port = parsed.port === "" ? (parsed.protocol === "https:" ? "443" : "80") : parsed.port;
  return {
    ok: true,
    value: {
      url: `${parsed.protocol}//${parsed.host}${path}`,
      host: parsed.hostname,
      id: `${parsed.hostname}:${port}${path}`,
    },
  };
}

function bad(message: string): { readonly ok: false; readonly message: string } {
  return { ok: false, message };
}
