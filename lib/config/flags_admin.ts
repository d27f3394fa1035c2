/** Flags of the admin API. @module */
import type { FlagGroup } from "./flag.ts";

/** Where the admin API listens when somebody asks for the usual place, and `pd-router engines` looks for it. */
export const USUAL_ADMIN = "127.0.0.1:8002";

/** A listener of its own, for those who run the router. */
export const ADMIN_FLAGS = {
  title: "Admin API",
  flags: [
    {
      name: "admin-listen",
      type: "string",
      help: `Address of the admin API, e.g. ${USUAL_ADMIN}: engines are added, changed, drained ` +
        "and removed there, also by pd-router engines. A port alone is one of 127.0.0.1; port 0 " +
        "takes any free one. Off unless given",
    },
    {
      name: "admin-api-key",
      type: "specs",
      secret: true,
      help:
        "A key that the admin API asks for (Authorization: Bearer, or x-api-key); repeatable. " +
        "Better by environment: a command line shows in process lists",
    },
    {
      name: "admin-api-keys-file",
      type: "file",
      help: "YAML or JSON file of such keys, as --api-keys-file: their names say in the log who " +
        "has changed what",
    },
    {
      name: "admin-insecure",
      type: "flag",
      help: "Let the admin API listen on an address that is not of this machine alone, though it " +
        "asks for no key",
    },
  ],
} as const satisfies FlagGroup;
