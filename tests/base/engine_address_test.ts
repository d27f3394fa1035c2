import { addressProblem, engineAddressProblem } from "../../lib/base/mod.ts";
import { assertEquals, assertStringIncludes } from "../support/assert.ts";

const REFUSED = [
  "http://169.254.169.254",
  "http://169.254.170.2:80/v2",
  "http://169.254.0.1:8000",
  // The same address in the notations that URLs take.
  "http://2852039166",
  "http://0xa9fea9fe",
  "http://0251.0376.0251.0376",
  "http://169.254.43518",
  "http://%31%36%39.254.169.254",
  "http://[::ffff:169.254.169.254]:8000",
  "http://[::169.254.169.254]",
  "http://[64:ff9b::a9fe:a9fe]",
  "http://[2002:a9fe:a9fe::1]",
  "http://[fe80::1]:8000",
  "http://[febf::1]",
  "http://[fd00:ec2::254]",
  "https://[FD00:0EC2:0::0254]",
  "http://[fd20:ce::254]",
  "http://100.100.100.200",
  "http://168.63.129.16",
  "http://192.0.0.192",
  "http://metadata.google.internal",
  "http://METADATA.google.internal.:80/computeMetadata",
  "http://metadata",
  "http://instance-data.ec2.internal",
  "http://metadata.tencentyun.com",
];

for (const url of REFUSED) {
  Deno.test(`engineAddressProblem() refuses ${url}`, () => {
    assertStringIncludes(engineAddressProblem(url) ?? "", "--allow-link-local-engines");
  });
}

const TAKEN = [
  "http://127.0.0.1:8000",
  "http://localhost:8000",
  "http://10.0.0.1:8000",
  "http://169.253.255.255",
  "http://169.255.0.0",
  "http://100.100.100.201",
  "http://[::1]:8000",
  "http://[fd00::1]",
  "http://[fec0::1]",
  "http://[64:ff9b::a00:1]",
  "http://prefill-0.prefill.svc.cluster.local:8000",
  "http://metadata.example.com",
  "http://169.254.169.254.example.com",
  "not a URL",
];

for (const url of TAKEN) {
  Deno.test(`engineAddressProblem() takes ${url}`, () => {
    assertEquals(engineAddressProblem(url), undefined);
  });
}

Deno.test("addressProblem() says what a peer's address is", () => {
  assertEquals(addressProblem("fe80::1%eth0"), "link-local");
  assertEquals(addressProblem("::ffff:169.254.1.1"), "link-local");
  assertEquals(addressProblem("100.100.100.200"), "a cloud's metadata service");
  assertEquals(addressProblem("10.0.0.1"), undefined);
  assertEquals(addressProblem("metadata.google.internal"), undefined);
});
