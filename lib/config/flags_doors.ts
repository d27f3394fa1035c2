/** Flags of who may come in, and of how the router and its peers know each other. @module */
import type { FlagGroup } from "./flag.ts";

/** The variable of further keys, beside the one of `--api-key`. */
export const API_KEYS_VARIABLE = "PD_ROUTER_API_KEYS";

/** Endpoints that `--protect` can lock or open; requests to engines are locked always. */
export const PROTECTABLE = ["/metrics", "/version", "/engines", "/v1/models"] as const;

/** What `--protect` takes: `all`, an endpoint to lock, or with `!` an endpoint to open. */
export const PROTECT_CHOICES = [
  "all",
  ...PROTECTABLE,
  ...PROTECTABLE.map((path) => `!${path}` as const),
] as const;

/** 0 stands for no bound of its own. */
const COUNT_OR_NONE = [0, 2 ** 31 - 1] as const;

/** Keys, certificates, and whom to believe. */
export const DOOR_FLAGS = {
  title: "Doors",
  flags: [
    {
      name: "api-key",
      type: "specs",
      secret: true,
      help:
        "A key that clients must show (Authorization: Bearer, or x-api-key); repeatable. On a " +
        "command line it shows in process lists: better by environment, or --api-keys-file",
    },
    {
      name: "api-keys-file",
      type: "file",
      help:
        "YAML or JSON file of keys with names and limits; a changed file counts from the next " +
        "request on",
    },
    {
      name: "protect",
      type: "list",
      choices: PROTECT_CHOICES,
      help: "Which of the router's own endpoints need a key, where there are keys: /engines and " +
        "/v1/models do, /metrics and /version do not, unless this says otherwise; /health never " +
        "does, requests to engines always do. A leading ! opens",
    },
    {
      name: "tls-cert",
      type: "file",
      help: "PEM file of the certificate, with its chain, by which clients are served TLS; a " +
        "renewed one serves later connections",
    },
    { name: "tls-key", type: "file", help: "PEM file of its private key" },
    {
      name: "tls-client-ca",
      type: "file",
      help: "PEM file of authorities: clients must show a certificate of one of them",
    },
    {
      name: "engine-tls-cert",
      type: "file",
      help: "PEM file of the certificate that the router shows https engines; of the authorities " +
        "only those of --tls-ca count then, where that is given",
    },
    { name: "engine-tls-key", type: "file", help: "PEM file of its private key" },
    {
      name: "engine-tls-server-name",
      type: "host",
      help: "Name that https engines are asked for and must prove, in place of their URL's host",
    },
    {
      name: "allow-link-local-engines",
      type: "flag",
      help: "Take engines at link-local addresses and at those of clouds' metadata services",
    },
    {
      name: "nixl-proxy-allow",
      type: "networks",
      help: "Addresses or networks (10.0.0.0/8) from which KV-ready notifications are taken; all " +
        "when not given",
    },
    {
      name: "nixl-proxy-max-per-address",
      type: "int",
      default: 1024,
      range: COUNT_OR_NONE,
      help:
        "Most connections for KV-ready notifications of one address, one for each rank there; " +
        "0 for no bound of its own",
    },
    {
      name: "trusted-proxies",
      type: "networks",
      help: "Addresses or networks of proxies in front whose X-Forwarded-* and Forwarded fields " +
        "are believed; those of others are replaced",
    },
  ],
} as const satisfies FlagGroup;
