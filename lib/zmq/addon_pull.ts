/**
 * A ZeroMQ PULL socket on libzmq itself, through the native addon `npm:zeromq`.
 *
 * Deno 2.9 stops its `uv_poll_start` after one callback (denoland/deno issue 36317), so the addon's
 * `receive` may wait for ever: the callback that a joining peer causes finds no message, and is the
 * last. With a receive timeout of 0 the addon never gets there, and the socket is polled instead.
 *
 * The monitor's events do arrive, although they are awaited through the same `uv_poll_start`: there
 * is no callback without an event, and each wait starts anew.
 *
 * What this socket cannot do that the one on Deno's TCP does:
 *
 * - Name its peers: the monitor tells no more than the address bound, so `peer` is `unknown`. Nor
 *   does it say why libzmq dropped a peer that had shaken hands: that one has left.
 * - Drop a peer for a message of many frames: the message is dropped. Until it is whole, libzmq
 *   holds however many frames a peer sends.
 * - Refuse peers of ZMTP 1 and 2. To libzmq, most garbage is such a peer; what it takes for messages
 *   is no notification.
 * - Refuse connections above a number, of all or of one address: file descriptors are the limit.
 * - Drop a silent peer with heartbeats whose last word was a message: libzmq counts from a PING that
 *   nothing follows.
 * @module
 */
import type { Pull } from "zeromq";
import { addressText, describeError, type Network } from "../base/mod.ts";
import { HANDSHAKE_TIMEOUT_MS, MESSAGE_LIMITS } from "./pull_limits.ts";
import { pollPull } from "./polled_pull.ts";
import { bindError, type BindOptions, checkPort, endpointOf, listenHost } from "./pull_socket.ts";
import type { PullAddress, PullSocket } from "./pull_socket.ts";

/** Messages that libzmq holds for each peer; TCP and the peer's own queue hold the rest. */
const HELD_PER_PEER = 128;

/** The addon's file, in the folder of a compiled program. */
export const COMPILED_ADDON = "addon.node";

/**
 * Listen for PUSH peers. Rejects with an `Error` that says what to do when the addon cannot be
 * loaded, or else names the address, the cause and the flag to change. The returned socket must be
 * disposed.
 */
export async function bindAddonPull(
  address: PullAddress,
  options: BindOptions,
): Promise<PullSocket> {
  checkPort(address);
  const { Pull } = await loadAddon();
  const host = listenHost(address.host);
  const socket = new Pull({
    receiveTimeout: 0,
    receiveHighWaterMark: HELD_PER_PEER,
    maxMessageSize: MESSAGE_LIMITS.maxMessageBytes,
    handshakeInterval: HANDSHAKE_TIMEOUT_MS,
    tcpKeepalive: 1,
    ipv6: host.includes(":"),
    linger: 0,
  });
  for (const filter of acceptFilters(options.peers?.allow ?? [], host)) {
    socket.tcpAcceptFilter = filter;
  }
  // Asked for before there can be a peer, or the first ones would not be counted.
  const { events } = socket;
  try {
    await socket.bind(endpointOf(host, address.port));
  } catch (error) {
    events.close();
    socket.close();
    throw bindError(address, error);
  }
  return pollPull(socket, options);
}

/**
 * Networks as libzmq filters by them. A socket of IPv6 sees IPv4 peers as mapped addresses, and of a
 * filter that is IPv4 it takes the prefix for one of IPv6: mapped ones are given to it. Where no filter
 * fits the socket, one that fits nobody stands for them: none at all would let everybody in.
 */
export function acceptFilters(allow: readonly Network[], host: string): readonly string[] {
  const v6 = host.includes(":");
  const filters = allow.flatMap(({ address, prefix }) => {
    if (address.length !== 4) return v6 ? [`${addressText(address)}/${prefix}`] : [];
    return v6
      ? [`::ffff:${addressText(address)}/${96 + prefix}`]
      : [`${addressText(address)}/${prefix}`];
  });
  if (allow.length === 0 || filters.length > 0) return filters;
  return [v6 ? "100::/128" : "255.255.255.255/32"];
}

async function loadAddon(): Promise<{ readonly Pull: typeof Pull }> {
  // Asked first: the addon's loader would write a page of warnings.
  if (!await mayLoad()) throw loadError("the permission is missing");
  try {
    return await import("zeromq");
  } catch (error) {
    throw loadError(describeError(error), error);
  }
}

/** Whether any native library may be loaded, or the one of a checkout, or of a compiled program. */
async function mayLoad(): Promise<boolean> {
  const here = import.meta.dirname;
  const paths = [undefined, `${here}/../../node_modules/zeromq`, `${here}/${COMPILED_ADDON}`];
  const answers = await Promise.all(
    paths.map((path) =>
      Deno.permissions.query(path === undefined ? { name: "ffi" } : { name: "ffi", path })
    ),
  );
  return answers.some(({ state }) => state === "granted");
}

function loadError(problem: string, cause?: unknown): Error {
  const advice = "start with --allow-ffi, or use --nixl-proxy-socket builtin";
  return new Error(`Cannot load the ZeroMQ addon: ${problem} (${advice})`, { cause });
}
