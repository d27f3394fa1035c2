/** nginx and HAProxy in front of the router, asked by this platform's `fetch`. @module */
import { freePorts } from "../../bench/child.ts";
import { Processes, run } from "../process.ts";
import { bodyOf, EVENTS, LARGE, leaver, PROMPT, type Seen, streamSeen, textOf } from "./checks.ts";
import { digestOf } from "./engine.ts";
import type { Scene, Subject } from "./subject.ts";

const START_MS = 10_000;

/** nginx as the README says that it is set up: nothing buffered, connections kept. */
function nginxConf(port: number, { url, folder }: Scene): string {
  const kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  return `daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log ${folder}/nginx-error.log;
events { worker_connections 1024; }
http {
  access_log off;
  ${kinds.map((kind) => `${kind}_temp_path ${folder}/${kind};`).join("\n  ")}
  upstream router { server ${new URL(url).host}; keepalive 8; }
  server {
    listen 127.0.0.1:${port};
    client_max_body_size 64m;
    location / {
      proxy_pass http://router;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
      proxy_request_buffering off;
    }
  }
}
`;
}

function haproxyConf(port: number, { url }: Scene): string {
  return `defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend clients
  bind 127.0.0.1:${port}
  default_backend routers
backend routers
  http-reuse always
  option httpchk GET /ready
  server router ${new URL(url).host} check inter 200
`;
}

/** Both. */
export const PROXIES: readonly Subject[] = [
  {
    name: "nginx in front",
    prepare: async () =>
      (await run("sh", ["-c", "/usr/sbin/nginx -v 2>&1"])).trim().split("/")[1] ?? "",
    run: (scene) => behind(scene, "nginx in front", "/usr/sbin/nginx", nginxConf, ["-c"]),
  },
  {
    name: "HAProxy in front",
    prepare: async () => (await run("/usr/sbin/haproxy", ["-v"])).split(" ")[2] ?? "",
    run: (scene) =>
      behind(scene, "HAProxy in front", "/usr/sbin/haproxy", haproxyConf, ["-db", "-f"]),
  },
];

async function behind(
  scene: Scene,
  name: string,
  command: string,
  conf: (port: number, scene: Scene) => string,
  args: readonly string[],
): Promise<readonly Seen[]> {
  const { folder, url: router } = scene;
  const [port = 0] = freePorts(1);
  const file = `${folder}/${name.replaceAll(" ", "-")}.conf`;
  await Deno.writeTextFile(file, conf(port, scene));
  await using processes = new Processes();
  const log = `${folder}/${name.replaceAll(" ", "-")}.log`;
  const process = processes.start({ name, command, args: [...args, file], log });
  const url = `http://127.0.0.1:${port}`;
  await process.serving(`${url}/ready`, START_MS);
  const ask = (body: BodyInit, signal?: AbortSignal): Promise<Response> =>
    fetch(`${url}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
      ...(signal === undefined ? {} : { signal }),
    });
  const isRight = async (body: BodyInit, prompt: string): Promise<boolean> =>
    textOf(await (await ask(body)).text()) === await digestOf(prompt);
  const stream = async (): Promise<Seen> => {
    const answer = await ask(bodyOf(PROMPT, { stream: true, max_tokens: EVENTS }));
    return await streamSeen(answer.body ?? new ReadableStream());
  };
  return [
    { check: "whole", ok: await isRight(bodyOf(PROMPT), PROMPT), seen: "200" },
    await stream(),
    await keptAlive(router, () => isRight(bodyOf(PROMPT), PROMPT)),
    { check: "large", ok: await isRight(bodyOf(LARGE), LARGE), seen: "4 MiB" },
    {
      check: "chunked",
      ok: await isRight(new Blob([bodyOf(LARGE)]).stream(), LARGE),
      seen: "4 MiB",
    },
    ...await leaves(name, ask),
  ];
}

/** One after the other through the proxy: the router has its connections, and the one that asks it. */
async function keptAlive(router: string, ask: () => Promise<boolean>): Promise<Seen> {
  const count = 20;
  const before = await connectionsOf(router);
  for (let at = 0; at < count; at++) await ask();
  const more = await connectionsOf(router) - before;
  return {
    check: "keep-alive",
    ok: more <= 1,
    seen: `${count} requests, ${more} more connections`,
  };
}

async function connectionsOf(router: string): Promise<number> {
  const text = await (await fetch(`${router}/metrics`)).text();
  return Number(/^pd_router_client_connections (\d+)$/m.exec(text)?.[1]);
}

async function leaves(
  name: string,
  ask: (body: string, signal: AbortSignal) => Promise<Response>,
): Promise<readonly Seen[]> {
  const leaving = new AbortController();
  const asked = { stream: true, user: leaver("leaves a stream", name) };
  const reader = (await ask(bodyOf(PROMPT, asked), leaving.signal)).body?.getReader();
  await reader?.read();
  leaving.abort();
  await reader?.closed.catch(() => {
    // Aborted a moment ago.
  });
  const held = bodyOf(PROMPT, { user: leaver("leaves its answer", name) });
  const left = await ask(held, AbortSignal.timeout(300)).then(() => false, () => true);
  return [
    { check: "leaves a stream", ok: true, seen: "aborted" },
    { check: "leaves its answer", ok: left, seen: "aborted" },
  ];
}
