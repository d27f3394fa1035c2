/** Debian's nginx in front of routers, as one process of its own. @module */
import { eventually } from "./eventually.ts";

/** Where Debian puts it. */
const NGINX = "/usr/sbin/nginx";

/** A running balancer. */
export interface Nginx extends AsyncDisposable {
  readonly url: string;
}

/** Balance over `ports` of loopback, as the README says it is done; `port` is its own. */
export async function startNginx(port: number, ports: readonly number[]): Promise<Nginx> {
  const dir = await Deno.makeTempDir({ prefix: "nginx-" });
  const path = `${dir}/nginx.conf`;
  await Deno.writeTextFile(path, configuration(dir, port, ports));
  const child = new Deno.Command(NGINX, {
    args: ["-c", path, "-p", dir, "-e", `${dir}/error.log`],
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  const url = `http://127.0.0.1:${port}`;
  await eventually(() => listens(port), () => `nginx does not listen on ${port}`);
  return {
    url,
    async [Symbol.asyncDispose](): Promise<void> {
      child.kill("SIGTERM");
      await child.status;
      await Deno.remove(dir, { recursive: true });
    },
  };
}

async function listens(port: number): Promise<boolean> {
  try {
    using _conn = await Deno.connect({ hostname: "127.0.0.1", port });
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) return false;
    throw error;
  }
}

function configuration(dir: string, port: number, ports: readonly number[]): string {
  const servers = ports.map((each) => `server 127.0.0.1:${each} max_fails=0;`).join("\n    ");
  const kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  const paths = kinds.map((kind) => `${kind}_temp_path ${dir}/${kind};`).join("\n  ");
  return `daemon off;
master_process off;
pid ${dir}/nginx.pid;
error_log ${dir}/error.log;
events { worker_connections 1024; }
http {
  access_log off;
  ${paths}
  upstream routers {
    ${servers}
  }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://routers;
      proxy_http_version 1.1;
      proxy_buffering off;
      proxy_read_timeout 600s;
      proxy_next_upstream error timeout http_503 non_idempotent;
    }
  }
}
`;
}
