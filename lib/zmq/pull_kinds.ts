/** Which PULL socket notifications are received on. @module */
import type { ProxySocket } from "../config/mod.ts";
import { bindAddonPull } from "./addon_pull.ts";
import type { BindPull } from "./pull_socket.ts";
import { bindPull } from "./zmtp_pull.ts";

const BINDERS: Readonly<Record<ProxySocket, BindPull>> = {
  builtin: bindPull,
  zeromq: bindAddonPull,
};

/** What binds a socket of that kind. */
export function pullBinder(kind: ProxySocket): BindPull {
  return BINDERS[kind];
}
