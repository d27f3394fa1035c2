/** What git tells of the sources. @module */
import { run } from "../real/process.ts";

/** The commits of a release. */
export interface History {
  /** When the last commit was made: ISO 8601 in UTC. */
  readonly at: string;
  /** Name of the release before, a tag that begins with `v`; undefined for the first one. */
  readonly since: string | undefined;
  readonly subjects: readonly string[];
  /** Whether files differ from the last commit's. */
  readonly isChanged: boolean;
}

/** Of the checkout in `root`, for `version`; `from` in place of the release before. */
export async function readHistory(
  root: string,
  version: string,
  from: string | undefined,
): Promise<History> {
  const git = (...args: readonly string[]): Promise<string> => run("git", ["-C", root, ...args]);
  const seconds = Number(await git("log", "-1", "--format=%ct"));
  const tags = (await git("tag", "--merged", "HEAD", "--sort=-creatordate", "--list", "v*"))
    .split("\n").filter((tag) => tag !== "" && tag !== `v${version}`);
  const since = from ?? tags[0];
  const range = since === undefined ? "HEAD" : `${since}..HEAD`;
  const log = await git("log", "--no-merges", "--format=%s", range);
  return {
    at: new Date(seconds * 1000).toISOString().replace(".000Z", "Z"),
    since,
    subjects: log.split("\n").filter((subject) => subject !== ""),
    isChanged: (await git("status", "--porcelain")).trim() !== "",
  };
}
