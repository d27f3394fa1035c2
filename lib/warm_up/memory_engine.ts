/** Engines in memory, at whatever address they are asked. @module */
import type { Dial } from "../upstream/mod.ts";
import { answerOf } from "./engine_answers.ts";
import { type MemorySocket, memorySockets, writeAll } from "./memory_socket.ts";
import { MessageReader } from "./message.ts";

/** Opens connections to them; `onKvReady` is told of each prefill whose KV would have moved. */
export function dialMemory(onKvReady: (reqId: string) => void): Dial {
  return () => {
    const [here, there] = memorySockets();
    serve(there, onKvReady).catch(() => {
      // The router has closed the connection in the middle of an answer: there is nobody to tell.
    });
    return Promise.resolve(here);
  };
}

async function serve(socket: MemorySocket, onKvReady: (reqId: string) => void): Promise<void> {
  const messages = new MessageReader(socket);
  try {
    for (;;) {
      const message = await messages.next();
      if (message === undefined) return;
      const [method = "", path = ""] = message.first.split(" ");
      const { pieces, kvReady } = answerOf({ method, path, body: message.body });
      for (const piece of pieces) await writeAll(socket, piece);
      if (kvReady !== undefined) onKvReady(kvReady);
    }
  } finally {
    socket.close();
  }
}
