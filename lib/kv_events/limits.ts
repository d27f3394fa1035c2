/** Bounds of what an engine may send. @module */

/**
 * A batch is of one step of the engine's scheduler: tokens of a step's prompts, five bytes each at most,
 * and hashes.
 */
export const MESSAGE_LIMITS = { maxMessageBytes: 16 * 1024 * 1024, maxFrames: 3 } as const;

/** Data-parallel ranks of one engine. */
export const MAX_RANKS = 1024;
