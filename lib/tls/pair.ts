/** A certificate and its private key: whether they are right, and how long. @module */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { describeError } from "../base/mod.ts";

/** A certificate with its chain, and its private key, in PEM form. */
export interface TlsPair {
  readonly cert: string;
  readonly key: string;
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** Why `pem` holds no certificates; undefined when it does, and all of them can be read. */
export function certificateProblem(pem: string): string | undefined {
  const blocks = pem.match(CERTIFICATE) ?? [];
  if (blocks.length === 0) return "holds no PEM certificate";
  try {
    for (const block of blocks) new X509Certificate(block);
    return undefined;
  } catch (error) {
    return `holds a certificate that cannot be read: ${describeError(error)}`;
  }
}

/** Why `pem` holds no private key that can be used; undefined when it does. Tells nothing of it. */
export function privateKeyProblem(pem: string): string | undefined {
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem)) return "holds no PEM private key";
  if (/-----BEGIN ENCRYPTED|^Proc-Type: .*ENCRYPTED/m.test(pem)) {
    return "holds a private key that is encrypted: decrypt it first";
  }
  try {
    createPrivateKey(pem);
    return undefined;
  } catch {
    // What a parser says of a key may quote it.
    return "holds a private key that cannot be read";
  }
}

/** Why the two cannot be used together; undefined when they can. */
export function pairProblem({ cert, key }: TlsPair): string | undefined {
  const problem = certificateProblem(cert) ?? privateKeyProblem(key);
  if (problem !== undefined) return problem;
  return leafOf(cert).checkPrivateKey(createPrivateKey(key))
    ? undefined
    : "is not the private key of the certificate";
}

/** What should be known of a certificate that is right: that its time is not, or hardly, given. */
export function certificateWarning(cert: string, unixMs: number): string | undefined {
  const { validFrom, validTo } = leafOf(cert);
  if (unixMs > Date.parse(validTo)) return `it has expired on ${validTo}`;
  if (unixMs < Date.parse(validFrom)) return `it is not valid before ${validFrom}`;
  return undefined;
}

/** The first certificate is the server's own; its chain follows. */
function leafOf(cert: string): X509Certificate {
  return new X509Certificate(cert.match(CERTIFICATE)?.[0] ?? cert);
}
