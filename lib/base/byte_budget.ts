/** A bound over bytes that many hold parts of. @module */
import { giveBackBuffer } from "./large_buffer.ts";
import { Lease } from "./lease.ts";

/** Bytes that may be held at a time, over all who hold some. */
export class ByteBudget {
  /** Less than is held has nothing taken away: there is no more until enough has been given back. */
  limitBytes: number;
  #held = 0;

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  /** Bytes held. */
  get held(): number {
    return this.#held;
  }

  /** A share that holds nothing yet, and has one holder. */
  share(): ByteShare {
    return new ByteShare({
      take: (bytes) => {
        if (this.#held + bytes > this.limitBytes) return false;
        this.#held += bytes;
        return true;
      },
      giveBack: (bytes) => this.#held -= bytes,
    });
  }
}

/** The budget as one of its shares sees it. */
interface Source {
  readonly take: (bytes: number) => boolean;
  readonly giveBack: (bytes: number) => void;
}

/** What is held for one purpose. It is given back as a whole when its last holder has let go. */
export class ByteShare implements Disposable {
  readonly #source: Source;
  #bytes = 0;
  #holders = 0;
  #kept: Uint8Array[] | undefined;
  #spent = false;
  readonly #first = this.hold();

  /** For a budget to make. */
  constructor(source: Source) {
    this.#source = source;
  }

  /** Bytes held. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Hold `bytes` more; false, and nothing taken, where that is beyond the budget. */
  grow(bytes: number): boolean {
    if (this.#holders === 0 || !this.#source.take(bytes)) return false;
    this.#bytes += bytes;
    return true;
  }

  /** Hold `bytes` less. */
  shrink(bytes: number): void {
    const fewer = Math.min(bytes, this.#bytes);
    this.#bytes -= fewer;
    this.#source.giveBack(fewer);
  }

  /** One more holder, until its lease is given back. */
  hold(): Lease {
    this.#holders++;
    return new Lease(() => this.#letGo());
  }

  /**
   * `bytes`, whose buffer is nobody else's, are for those alone who hold the share: where all goes as it
   * should, their buffer need not wait for the collector.
   */
  keep(bytes: Uint8Array): void {
    (this.#kept ??= []).push(bytes);
  }

  /**
   * As `release`, where nobody but other holders looks at what is held any more. After a failure, or when
   * a client has left, somebody may still be about to.
   */
  spend(): void {
    this.#spent = true;
    this.release();
  }

  /** Its first holder lets go; later calls do nothing. */
  release(): void {
    this.#first.release();
  }

  [Symbol.dispose](): void {
    this.release();
  }

  #letGo(): void {
    if (--this.#holders > 0) return;
    this.shrink(this.#bytes);
    if (this.#spent) this.#kept?.forEach(giveBackBuffer);
    this.#kept = undefined;
  }
}
