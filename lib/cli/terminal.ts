/** The terminal that a command is at: keys in, its size, and whether there is one. @module */

/** Columns and rows. */
export interface ScreenSize {
  readonly columns: number;
  readonly rows: number;
}

/** What is told while the keys are listened to. */
export interface TerminalEvents {
  /** Bytes of keys that were pressed, as many as have come. */
  onKeys(bytes: Uint8Array): void;
  onResize(): void;
}

/** A terminal, or what is in its place. */
export interface Terminal {
  /** Standard input and output are both one. */
  readonly interactive: boolean;
  /** Colors are welcome. */
  readonly colors: boolean;
  /** At this moment; 80 x 24 where nobody knows. */
  size(): ScreenSize;
  /** Give keys at once and unseen, until what is returned is disposed. */
  listen(events: TerminalEvents): Disposable;
}

/** The process's own, of Deno's parts. */
export function processTerminal(
  deno: Pick<
    typeof Deno,
    "stdin" | "stdout" | "consoleSize" | "noColor" | "addSignalListener" | "removeSignalListener"
  >,
): Terminal {
  return {
    get interactive() {
      return deno.stdin.isTerminal() && deno.stdout.isTerminal();
    },
    colors: !deno.noColor,
    size() {
      try {
        const { columns, rows } = deno.consoleSize();
        return columns > 0 && rows > 0 ? { columns, rows } : USUAL;
      } catch {
        // No terminal: it has no size.
        return USUAL;
      }
    },
    listen({ onKeys, onResize }) {
      let over = false;
      // Signals by keys stay what they are.
      deno.stdin.setRaw(true, { cbreak: true });
      deno.addSignalListener("SIGWINCH", onResize);
      const read = async (): Promise<void> => {
        const buffer = new Uint8Array(256);
        for (;;) {
          const count = await deno.stdin.read(buffer);
          if (count === null || over) return;
          onKeys(buffer.slice(0, count));
        }
      };
      // Without keys the rest goes on.
      read().catch(() => {});
      return {
        [Symbol.dispose]() {
          over = true;
          deno.removeSignalListener("SIGWINCH", onResize);
          deno.stdin.setRaw(false);
        },
      };
    },
  };
}

const USUAL: ScreenSize = { columns: 80, rows: 24 };
