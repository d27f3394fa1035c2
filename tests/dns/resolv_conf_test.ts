import {
  askingOnly,
  candidates,
  parseResolvConf,
  type ResolvConf,
} from "../../lib/dns/resolv_conf.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("parseResolvConf() reads what a pod is given", () => {
  const text = "search ns.svc.cluster.local svc.cluster.local cluster.local\n" +
    "nameserver 10.96.0.10\noptions ndots:5\n";
  assertEquals(parseResolvConf(text), {
    servers: [{ host: "10.96.0.10", port: 53 }],
    search: ["ns.svc.cluster.local", "svc.cluster.local", "cluster.local"],
    ndots: 5,
    timeoutMs: 5000,
    attempts: 2,
    tcp: false,
  });
});

Deno.test("parseResolvConf() reads comments, options and servers as glibc does", () => {
  const text = "# made by hand\nnameserver fd00::a\r\n  nameserver 10.0.0.1 ; ours\n" +
    "nameserver nobody\nnameserver 10.0.0.2\nnameserver 10.0.0.3\nsearch a.test\ndomain b.test\n" +
    "options timeout:0 attempts:99 ndots:99 use-vc rotate\noptions timeout:3\nsortlist x\n";
  assertEquals(parseResolvConf(text), {
    servers: ["fd00::a", "10.0.0.1", "10.0.0.2"].map((host) => ({ host, port: 53 })),
    search: ["b.test"],
    ndots: 15,
    timeoutMs: 3000,
    attempts: 5,
    tcp: true,
  });
});

Deno.test("parseResolvConf() asks the machine itself where nothing is said", () => {
  for (const text of ["", "\n\0\n", "nameserver", "options ndots:x\nsearch\ndomain"]) {
    const { servers, search, ndots } = parseResolvConf(text);
    assertEquals([servers, search, ndots], [[{ host: "127.0.0.1", port: 53 }], [], 1]);
  }
});

Deno.test("candidates() tries the search list before or after the name", () => {
  const conf: ResolvConf = { ...askingOnly([]), search: ["x.test", "y.test"], ndots: 2 };
  assertEquals(candidates("a", conf), ["a.x.test", "a.y.test", "a"]);
  assertEquals(candidates("a.b", conf), ["a.b.x.test", "a.b.y.test", "a.b"]);
  assertEquals(candidates("a.b.c", conf), ["a.b.c", "a.b.c.x.test", "a.b.c.y.test"]);
  assertEquals(candidates("a.", conf), ["a."]);
  assertEquals(candidates("a", { ...conf, search: ["."] }), ["a"]);
});

Deno.test("askingOnly() takes names as they are", () => {
  const conf = askingOnly([{ host: "127.0.0.1", port: 8600 }]);
  assertEquals(candidates("vllm", conf), ["vllm"]);
});
