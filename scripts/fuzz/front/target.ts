/** The HTTP/1.1 server beside two others: what they refuse or read differently. @module */
import type { Random } from "../../../lib/base/mod.ts";
import type { Finding, FuzzRun, FuzzTarget } from "../target.ts";
import { compare } from "./compare.ts";
import { makeInput } from "./mutate.ts";
import { observe } from "./observe.ts";
import { type Peer, startHyper, startLlhttp, startOurs } from "./peers.ts";

/** Inputs tried at the same time. */
const AT_ONCE = 64;

/** A suspicion is looked into again alone, with so much more patience. */
const PATIENCE = 20;

/** Three servers that can be asked about inputs. */
export class Trial implements AsyncDisposable {
  readonly #ours: Peer;
  readonly #others: readonly Peer[];

  constructor(ours: Peer, others: readonly Peer[]) {
    this.#ours = ours;
    this.#others = others;
  }

  static async start(): Promise<Trial> {
    return new Trial(startOurs(), [startHyper(), await startLlhttp()]);
  }

  /** What is wrong with how we read `input`; undefined for nothing. */
  async problem(input: string): Promise<string | undefined> {
    const suspicion = await this.#compare(input, 1);
    return suspicion === undefined ? undefined : await this.#compare(input, PATIENCE);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#ours, ...this.#others].map((peer) => peer[Symbol.asyncDispose]()));
  }

  async #compare(input: string, patience: number): Promise<string | undefined> {
    const [ours, ...others] = await Promise.all(
      [this.#ours, ...this.#others].map((peer) => observe(peer, input, patience)),
    );
    if (ours === undefined) return undefined;
    for (const [index, other] of others.entries()) {
      const peer = this.#others[index];
      const problem = peer === undefined ? undefined : compare(ours, peer.name, other);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }
}

class FrontRun implements FuzzRun {
  inputs = 0;
  readonly #trial: Trial;

  constructor(trial: Trial) {
    this.#trial = trial;
  }

  async step(random: Random): Promise<readonly Finding[]> {
    const inputs = Array.from({ length: AT_ONCE }, () => makeInput(random));
    const findings = await Promise.all(inputs.map(async (input): Promise<Finding[]> => {
      const what = await this.#trial.problem(input);
      return what === undefined ? [] : [{ what, input: JSON.stringify(input) }];
    }));
    this.inputs += inputs.length;
    return findings.flat();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#trial[Symbol.asyncDispose]();
  }
}

/** The target. */
export const FRONT: FuzzTarget = {
  name: "front",
  about: "the HTTP/1.1 server against Deno.serve and node:http, with requests gone wrong",
  start: async () => new FrontRun(await Trial.start()),
};
