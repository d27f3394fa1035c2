/** Certificates and private keys in PEM form. @module */
import {
  certificateProblem,
  certificateWarning,
  pairProblem,
  privateKeyProblem,
} from "../../../lib/tls/mod.ts";
import { below, oneIn } from "../chance.ts";
import type { Corpus } from "../mutate.ts";
import { short } from "../outcome.ts";
import { parserTarget } from "../parser_target.ts";
import type { FuzzTarget } from "../target.ts";
import { textOf } from "../text.ts";

/** What looks at PEM. Total. */
export interface PemReaders {
  readonly certificate: typeof certificateProblem;
  readonly key: typeof privateKeyProblem;
  readonly pair: typeof pairProblem;
}

const READERS: PemReaders = {
  certificate: certificateProblem,
  key: privateKeyProblem,
  pair: pairProblem,
};

/** Made for this alone: nobody trusts it. */
const CERTIFICATE = [
  "-----BEGIN CERTIFICATE-----",
  "MIIBbjCCARWgAwIBAgIUeDAMfdW7eIDUIOh3wxnOUbdVnjMwCgYIKoZIzj0EAwIw",
  "DDEKMAgGA1UEAwwBYTAgFw0yNjExMjYxNzUyMTNaGA8yMTI2MTEwMjE3NTIxM1ow",
  "DDEKMAgGA1UEAwwBYTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABFv+D4f7ejg3",
  "+F8Tt4oZjzxb+h9JmyKwgOYndn/3z/soUR/mIujRtqJuRzpsn2cT22+SFq7Q6xJk",
  "huRDcs4REzejUzBRMB0GA1UdDgQWBBSP63wxBG/7IpW7qKG/QGtSmaYk7zAfBgNV",
  "HSMEGDAWgBSP63wxBG/7IpW7qKG/QGtSmaYk7zAPBgNVHRMBAf8EBTADAQH/MAoG",
  "CCqGSM49BAMCA0cAMEQCIAy3DM53lS2cnIu0qPtCAZF8QC8FEoS4WNK4YHYNdSEC",
  "AiAEHWt4wBSc3ejeoxM8wADrZGVLJYGGFAw3ftlXR+F9og==",
  "-----END CERTIFICATE-----",
  "",
].join("\n");

const KEY = [
  "-----BEGIN PRIVATE KEY-----",
  "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgwdLtxB1SPq/pTUQ8",
  "btApY2BNHF+vcaBoqtzm4azbUQmhRANCAARb/g+H+3o4N/hfE7eKGY88W/ofSZsi",
  "sIDmJ3Z/98/7KFEf5iLo0baibkc6bJ9nE9tvkhau0OsSZIbkQ3LOERM3",
  "-----END PRIVATE KEY-----",
  "",
].join("\n");

/** Part of the key, which nothing may tell. */
const SECRET = KEY.split("\n")[1] ?? KEY;

const CORPUS: Corpus = {
  seeds: [
    CERTIFICATE,
    KEY,
    KEY + CERTIFICATE,
    CERTIFICATE + CERTIFICATE,
    KEY.replaceAll("PRIVATE KEY", "EC PRIVATE KEY"),
    KEY.replaceAll("PRIVATE KEY", "ENCRYPTED PRIVATE KEY"),
    CERTIFICATE.replaceAll("\n", "\r\n"),
    "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
  ],
  words: [
    "-----BEGIN CERTIFICATE-----",
    "-----END CERTIFICATE-----",
    "-----BEGIN PRIVATE KEY-----",
    "-----BEGIN RSA PRIVATE KEY-----",
    "Proc-Type: 4,ENCRYPTED\n",
    "-----",
    "MII",
    "=",
    "\n",
  ],
};

/** The target, with `readers` in place of the router's own. */
export function pemTarget(readers: Partial<PemReaders> = {}): FuzzTarget {
  const { certificate, key, pair } = { ...READERS, ...readers };
  return parserTarget({
    name: "pem",
    about: "certificates and private keys",
    corpus: CORPUS,
    check(input, random) {
      const text = textOf(input);
      const other = oneIn(random, 2) ? KEY : KEY.slice(0, below(random, KEY.length));
      const told = [
        certificate(text),
        key(text),
        pair({ cert: text, key: other }),
        pair({ cert: CERTIFICATE, key: text }),
      ];
      const leak = told.find((problem) => problem?.includes(SECRET));
      if (leak !== undefined) return `secret: ${short(leak)}`;
      if (told[0] === undefined) certificateWarning(text, 1_800_000_000_000);
      const good = told[3] === undefined;
      return good && !text.includes("PRIVATE KEY-----") ? "pair: taken without a key" : undefined;
    },
  });
}
