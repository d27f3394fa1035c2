import { guardedIn, isPassedThrough } from "../../lib/config/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { configOf, FLEET, problemsOf } from "./support.ts";

Deno.test("--pass-through-paths are paths, and prefixes of such", () => {
  const paths = "/v1/other,/inference/v1/*";
  const { control } = configOf({ flags: { ...FLEET, "pass-through-paths": paths } });
  assertEquals(control, { engines: false, passThrough: ["/v1/other", "/inference/v1/*"] });
  assertEquals(configOf({ flags: FLEET }).control, undefined);
  for (const wrong of ["v1", "/", "/*", "/a/", "/a*", "/a/*/b", "/a/../b", "/a?b", "/a b", "//a"]) {
    const [problem, ...more] = problemsOf({ flags: { ...FLEET, "pass-through-paths": wrong } });
    assertEquals([problem?.key, problem?.value, more], ["--pass-through-paths", wrong, []], wrong);
  }
});

Deno.test("isPassedThrough() takes paths literally, and prefixes for what is below them", () => {
  const items = ["/v1/other", "/inference/v1/*"];
  for (const path of ["/v1/other", "/inference/v1/generate", "/inference/v1/a/b"]) {
    assertEquals(isPassedThrough(items, path), true, path);
  }
  for (const path of ["/v1/other/x", "/v1/othe", "/inference/v1", "/inference/v10", "/", ""]) {
    assertEquals(isPassedThrough(items, path), false, path);
  }
});

Deno.test("isPassedThrough() takes no path of administration unless it stands there by itself", () => {
  const admin = ["/collective_rpc", "/reset_prefix_cache", "/scale_elastic_ep", "/server_info"];
  for (const path of admin) {
    assertEquals(isPassedThrough([`${path}/*`], path), false);
    assertEquals(isPassedThrough([path], path), true);
  }
  assertEquals(guardedIn(["/v1/other", ...admin, "/inference/*"]), admin);
});
