/** Certificates that the router is given as files. @module */
import { describeError, RouterError } from "./base/mod.ts";

/** The text of the file of authorities. Rejects with `RouterError`. */
export async function readPem(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (cause) {
    throw new RouterError("internal", `Cannot read --tls-ca ${path}: ${describeError(cause)}`);
  }
}
