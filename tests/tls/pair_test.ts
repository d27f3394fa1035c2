import {
  certificateProblem,
  certificateWarning,
  pairProblem,
  privateKeyProblem,
} from "../../lib/tls/mod.ts";
import { assertEquals, assertMatch } from "../support/assert.ts";
import { chains } from "./support.ts";

Deno.test("pairProblem() finds nothing wrong with a pair, alone or with its chain", async () => {
  const { server, ca } = await chains();
  assertEquals(pairProblem(server), undefined);
  assertEquals(pairProblem({ ...server, cert: `${server.cert}\n${ca}` }), undefined);
});

Deno.test("pairProblem() says what is wrong", async () => {
  const { server, renewed, ca } = await chains();
  const garbled = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  const rows = [
    [{ cert: server.cert, key: renewed.key }, /^is not the private key of the certificate$/],
    [{ cert: `${ca}${server.cert}`, key: server.key }, /^is not the private key/],
    [{ cert: "", key: server.key }, /^holds no PEM certificate$/],
    [{ cert: garbled, key: server.key }, /^holds a certificate that cannot be read: /],
    [{ cert: server.cert + garbled, key: server.key }, /^holds a certificate that cannot be/],
    [{ cert: server.cert, key: server.cert }, /^holds no PEM private key$/],
  ] as const;
  for (const [pair, problem] of rows) assertMatch(pairProblem(pair) ?? "", problem);
});

Deno.test("certificateProblem() takes every certificate of a file", async () => {
  const { server, ca } = await chains();
  assertEquals(certificateProblem(`${server.cert}\ntext between\n${ca}`), undefined);
});

Deno.test("privateKeyProblem() tells what it cannot use, and nothing of what is in it", () => {
  const secret = btoa("a secret");
  const block = (label: string, more = ""): string =>
    `-----BEGIN ${label}-----\n${more}${secret}\n-----END ${label}-----\n`;
  const rows = [
    [block("PRIVATE KEY"), "holds a private key that cannot be read"],
    [
      block("ENCRYPTED PRIVATE KEY"),
      "holds a private key that is encrypted: decrypt it first",
    ],
    [
      block("RSA PRIVATE KEY", "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n"),
      "holds a private key that is encrypted: decrypt it first",
    ],
    ["", "holds no PEM private key"],
  ];
  for (const [pem = "", problem] of rows) assertEquals(privateKeyProblem(pem), problem);
});

Deno.test("certificateWarning() warns of a certificate that is not in its time", async () => {
  const { server, expired } = await chains();
  const now = Date.now();
  assertEquals(certificateWarning(server.cert, now), undefined);
  assertMatch(certificateWarning(server.cert, 0) ?? "", /^it is not valid before .* GMT$/);
  assertMatch(certificateWarning(expired.cert, now) ?? "", /^it has expired on Jan {2}2 .*2020/);
});
