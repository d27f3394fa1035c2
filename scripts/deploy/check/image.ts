/** The image, made by buildah out of the Dockerfile and of Debian's packages: no daemon, no registry. @module */
import { EngineLimit } from "../../real/check.ts";
import { run } from "../../real/process.ts";

const ROOT = new URL("../../../", import.meta.url).pathname;
const FOLDER = `${ROOT}scripts/deploy/docker`;
const BASE = "localhost/pd-router-base:1";

/** The name of the image. */
export const IMAGE = "localhost/pd-router:check";

/** What makes images, with its state in one folder. */
export class Buildah {
  readonly #storage: readonly string[];
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
    this.#storage = [
      ...["--root", `${folder}/storage`, "--runroot", `${folder}/run`],
      ...["--storage-driver", "vfs"],
    ];
  }

  /** With its state in `folder`. Throws EngineLimit where the machine lacks something. */
  static async open(folder: string): Promise<Buildah> {
    for (const program of ["buildah", "mmdebstrap"]) {
      try {
        await run(program, ["--version"]);
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
        throw new EngineLimit(`there is no ${program}: apt-get install buildah mmdebstrap`);
      }
    }
    return new Buildah(folder);
  }

  /** Make an image like `debian:bookworm-slim`, of Debian's own packages. */
  async base(): Promise<void> {
    const archive = `${this.#folder}/base.tar`;
    await run("mmdebstrap", ["--variant=apt", "--quiet", "bookworm", archive]);
    const container = (await this.#buildah("from", "scratch")).trim();
    await this.#buildah("add", "--quiet", container, archive, "/");
    await this.#buildah("commit", "--quiet", "--rm", container, BASE);
    await Deno.remove(archive);
  }

  /** Make the router's image of the Dockerfile; gives what was said meanwhile. */
  async build(): Promise<string> {
    return await this.#buildah(
      ...["build", "--isolation", "chroot", "--pull-never", "--layers=false"],
      ...["--ignorefile", `${FOLDER}/Dockerfile.dockerignore`, "--build-arg", `BASE=${BASE}`],
      ...["--file", `${FOLDER}/Dockerfile`, "--tag", IMAGE, ROOT],
    );
  }

  /** What the image says of how it is started. */
  async configuration(): Promise<Readonly<Record<string, unknown>>> {
    const said = JSON.parse(await this.#buildah("inspect", "--type", "image", IMAGE));
    return said.OCIv1.config;
  }

  /** The folder of a container's files, made of the image. */
  async files(): Promise<string> {
    const container = (await this.#buildah("from", "--pull-never", IMAGE)).trim();
    return (await this.#buildah("mount", container)).trim();
  }

  #buildah(command: string, ...args: readonly string[]): Promise<string> {
    return run("buildah", [...this.#storage, command, ...args]);
  }
}
