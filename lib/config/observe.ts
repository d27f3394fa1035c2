/** What is told of single requests, from settings, and what is wrong with them. @module */
import { ACCESS_FORMATS, type ObserveOptions } from "./observe_options.ts";
import type { Problem } from "./problem.ts";
import type { Settings } from "./settings.ts";
import type { Parsed } from "./value.ts";

/** The options; nothing is told where the settings say nothing. */
export function observeOptions(settings: Settings): ObserveOptions {
  const share = parseShare(settings.text("access-log"));
  const file = settings.optional("access-log-file");
  return {
    accessShare: share.ok ? share.value : 0,
    accessFormat: settings.choice("access-log-format", ACCESS_FORMATS),
    ...(file === undefined || file === "" ? {} : { accessFile: file }),
    serverTiming: settings.on("server-timing"),
    keepRequests: settings.number("keep-requests"),
  };
}

/** What does not fit together. */
export function observeProblems(settings: Settings): readonly Problem[] {
  const { where, value } = settings.get("access-log");
  const text = String(value ?? "off");
  const share = parseShare(text);
  return share.ok ? [] : [{ key: where, value: text, message: share.message }];
}

/** `off`, `all`, a share of 1, or one of 100 with its sign. */
function parseShare(text: string): Parsed<number> {
  if (text === "off") return { ok: true, value: 0 };
  if (text === "all") return { ok: true, value: 1 };
  const [, digits, percent] = /^(\d+(?:\.\d+)?)(%?)$/.exec(text) ?? [];
  const share = Number(digits ?? NaN) / (percent === "%" ? 100 : 1);
  if (share >= 0 && share <= 1) return { ok: true, value: share };
  return { ok: false, message: "expected off, all, or a share from 0 to 1 such as 0.01 or 1%" };
}
