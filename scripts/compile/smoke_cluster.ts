/** The smoke step of a replica: what connects it to a real Redis is in the file. @module */
import { z } from "zod";
import { eventually } from "../../tests/support/eventually.ts";
import { startRedis } from "../../tests/support/redis.ts";
import { freePorts } from "./smoke_handoff.ts";
import type { SmokeHost } from "./smoke_host.ts";

const READY_MS = 30_000;
const HOST = "127.0.0.1";

const HEALTH = z.object({ cluster: z.object({ replica: z.string(), redis: z.string() }) });

/** Have a router join a cluster, by a password; resolves to what was seen. */
export async function checkCluster(host: SmokeHost): Promise<string> {
  await using redis = await startRedis(["--requirepass", "word"]);
  const [port = 0, engine = 0] = freePorts(2);
  await using router = host.start([
    ...["--static-backends", `http://${HOST}:${engine}`, "--static-models", "m"],
    ...["--routing-logic", "roundrobin", "--host", HOST, "--port", `${port}`],
    ...["--cluster", `redis://:word@localhost:${redis.port}/1`],
  ]);
  let said = "";
  await eventually(
    async () => {
      said = await health(`http://${HOST}:${port}/health`);
      return said === "connected";
    },
    () => `the Redis is ${said}`,
    READY_MS,
  );
  const output = await router.stop();
  if (!output.includes("Joined the cluster")) throw new Error(`It does not say so: ${output}`);
  return `a replica of one, ${said}`;
}

async function health(url: string): Promise<string> {
  try {
    const response = await fetch(url);
    return HEALTH.parse(await response.json()).cluster.redis;
  } catch (error) {
    // It does not listen yet.
    if (error instanceof TypeError) return "not there";
    throw error;
  }
}
