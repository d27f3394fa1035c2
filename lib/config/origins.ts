/** Origins of pages, as browsers send them. @module */
import type { Parsed } from "./value.ts";

/** Which pages may use the router from a browser: those of these origins, or all. */
export type AllowedOrigins = "*" | readonly string[];

/**
 * The origins that `texts` name, each as browsers spell it: scheme, host, and a port that is not the
 * scheme's own. `null` stands for pages without one, such as files.
 */
export function parseOrigins(texts: readonly string[]): Parsed<AllowedOrigins> {
  if (texts.includes("*")) return { ok: true, value: "*" };
  const origins: string[] = [];
  for (const text of texts) {
    const origin = originOf(text);
    if (origin === undefined) {
      const message = `expected *, or origins such as https://chat.example, received "${text}"`;
      return { ok: false, message };
    }
    origins.push(origin);
  }
  return { ok: true, value: origins };
}

function originOf(text: string): string | undefined {
  if (text === "null") return text;
  // A scheme of its own, as an extension's, has no origin that the platform would tell.
  const [, scheme, host] = /^([a-z][a-z0-9+.-]*):\/\/([^\s/?#@*]+)\/?$/i.exec(text) ?? [];
  if (scheme === undefined || host === undefined) return undefined;
  if (!/^https?$/i.test(scheme)) return `${scheme.toLowerCase()}://${host}`;
  return URL.canParse(text) ? new URL(text).origin : undefined;
}
