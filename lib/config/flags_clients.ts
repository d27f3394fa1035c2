/** Flags that bound what clients may hold of the router. @module */
import type { FlagGroup } from "./flag.ts";

/** One millisecond to one week: none of these waits may be endless. */
const WAIT = [0.001, 604_800] as const;
/** 0 stands for no bound of its own. */
const COUNT_OR_NONE = [0, 2 ** 31 - 1] as const;

/** What clients may take their time for, and how many may come. */
export const CLIENT_FLAGS = {
  title: "Clients",
  flags: [
    {
      name: "client-head-timeout",
      type: "seconds",
      default: 15,
      range: WAIT,
      help: "Longest wait for the head of a request, from its first byte",
    },
    {
      name: "client-body-timeout",
      type: "seconds",
      default: 30,
      range: WAIT,
      help: "Longest wait for the next byte of a request's body",
    },
    {
      name: "write-idle-timeout",
      type: "seconds",
      default: 60,
      range: WAIT,
      help: "Longest time in which a client may take nothing of an answer that is there; its " +
        "request ends then, at the engines too",
    },
    {
      name: "keep-alive-timeout",
      type: "seconds",
      default: 75,
      range: WAIT,
      help: "Longest time a client's connection stays open between requests",
    },
    {
      name: "max-connections",
      type: "int",
      default: 0,
      range: COUNT_OR_NONE,
      help:
        "Most clients at once, 0 for as many as --max-open-files carries, at most 16384; more " +
        "are answered 503",
    },
    {
      name: "max-connections-per-address",
      type: "int",
      default: 0,
      range: COUNT_OR_NONE,
      help: "Most clients at once of one address, 0 for no bound of its own: behind a proxy all " +
        "have the same",
    },
  ],
} as const satisfies FlagGroup;
