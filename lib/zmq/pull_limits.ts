/** Bounds of what a PULL socket takes in, whichever way it is made. @module */
import { MAX_NOTICE_BYTES } from "./notice.ts";

/** No notification has more frames, or more bytes in a frame or in all of them. */
export const MESSAGE_LIMITS = { maxMessageBytes: MAX_NOTICE_BYTES, maxFrames: 8 } as const;

/** Messages queued before no more are taken; TCP and the peers' own queues hold the rest. */
export const QUEUE_LIMIT = 1024;

/** A peer that has not completed its handshake by then is dropped, in milliseconds. */
export const HANDSHAKE_TIMEOUT_MS = 10_000;

/** Connections held where nothing else is said. */
export const MAX_CONNECTIONS = 16_384;
