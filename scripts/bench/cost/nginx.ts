/** nginx as a proxy that does nothing but pass on: what the least of a router costs. @module */
import { freePorts } from "../child.ts";
import { engineUrl, type Way } from "./ways.ts";

/** The name of its way. */
export const NGINX = "nginx";

/** Where Debian has it. */
const PROGRAM = "/usr/sbin/nginx";

/** Idle connections to engines that are kept, beside one for each engine. */
const KEPT = 256;

/** nginx's version; undefined where it is not installed. */
export async function nginxVersion(): Promise<string | undefined> {
  try {
    const { stderr } = await new Deno.Command(PROGRAM, { args: ["-v"] }).output();
    return /nginx\/(\S+)/.exec(new TextDecoder().decode(stderr))?.[1];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** nginx, its files in `folder`, which must be there for as long as it runs. */
export function nginxWay(folder: string): Way {
  return {
    name: NGINX,
    kind: "proxy",
    async program(port, { any }) {
      const home = `${folder}/nginx-${port}-${freePorts(1)[0]}`;
      await Deno.mkdir(home);
      // Its worker may run as somebody else.
      await Deno.chmod(home, 0o755);
      const path = `${home}/nginx.conf`;
      await Deno.writeTextFile(path, nginxConfig(port, any, home));
      return { command: PROGRAM, args: ["-p", home, "-c", path, "-e", `${home}/error.log`] };
    },
  };
}

/** One worker, nothing buffered, connections kept on both sides. */
export function nginxConfig(port: number, engines: readonly number[], home: string): string {
  const servers = engines.map((engine) => `server ${new URL(engineUrl(engine)).host};`).join(" ");
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${home}/${name};`).join("\n  ");
  return `daemon off;
worker_processes 1;
worker_rlimit_nofile 16384;
pid ${home}/nginx.pid;
error_log ${home}/error.log error;
events { worker_connections 8192; }
http {
  access_log off;
  ${temporary}
  client_max_body_size 0;
  keepalive_requests 1000000000;
  upstream engines { ${servers} keepalive ${KEPT + engines.length}; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    tcp_nodelay on;
    location / {
      proxy_pass http://engines;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
      proxy_request_buffering off;
      proxy_read_timeout 300s;
    }
  }
}
`;
}
