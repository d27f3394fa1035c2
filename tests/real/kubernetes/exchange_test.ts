import { plain } from "../../../scripts/real/kubernetes/recording/exchange.ts";
import { assertEquals } from "../../support/assert.ts";

Deno.test("plain() takes out what depends on the run, and what servers add for themselves", () => {
  const pod = {
    metadata: {
      name: "a",
      uid: "0b6f",
      resourceVersion: "203",
      creationTimestamp: "2026-01-01T00:00:00Z",
      deletionGracePeriodSeconds: 30,
      managedFields: [{ manager: "x" }],
    },
    spec: { containers: [] },
    status: { podIP: "127.0.0.2", conditions: [{ type: "Ready", lastProbeTime: null }] },
  };
  assertEquals(plain({ items: [pod] }), {
    items: [{
      metadata: {
        name: "a",
        uid: "(uid)",
        resourceVersion: "(version)",
        creationTimestamp: "(time)",
        deletionGracePeriodSeconds: 30,
      },
      status: { podIP: "127.0.0.2", conditions: [{ type: "Ready", lastProbeTime: null }] },
    }],
  });
});

Deno.test("plain() takes versions out of messages, and leaves an empty value as it is", () => {
  assertEquals(
    plain({ message: "too old resource version: 12 (340)", continue: "" }),
    { message: "too old resource version: (version) (version)", continue: "" },
  );
});
