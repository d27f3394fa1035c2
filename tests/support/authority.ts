/** Certificates for tests, made by openssl when they are needed. @module */

/** A certificate and its key in PEM form. */
export interface Issued {
  readonly cert: string;
  readonly key: string;
}

/** What is wanted of a certificate. */
export interface Wanted {
  /** @default localhost, 127.0.0.1 and ::1 */
  readonly names?: string;
  /** Its time was over years ago. */
  readonly expired?: boolean;
  /** Of its subject. */
  readonly commonName?: string;
}

/** What signs certificates; its folder goes with it. */
export interface Authority extends AsyncDisposable {
  /** Its own certificate. */
  readonly ca: string;
  issue(wanted?: Wanted): Promise<Issued>;
}

const CURVE = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

const DATABASE = `[ca]
default_ca=authority
[authority]
database=index
serial=serial
new_certs_dir=.
certificate=ca.pem
private_key=ca.key
default_md=sha256
policy=policy
unique_subject=no
[policy]
commonName=supplied
`;

/** A fresh authority. */
export async function makeAuthority(commonName = "authority"): Promise<Authority> {
  const folder = await Deno.makeTempDir();
  const path = (name: string): string => `${folder}/${name}`;
  await Deno.writeTextFile(path("ca.cnf"), DATABASE);
  await Deno.writeTextFile(path("index"), "");
  await Deno.writeTextFile(path("serial"), "01\n");
  const openssl = async (...args: string[]): Promise<void> => {
    const { success, stderr } = await new Deno.Command("openssl", {
      args,
      cwd: folder,
      stdin: "null",
    }).output();
    if (!success) throw new Error(`openssl ${args[0]}: ${new TextDecoder().decode(stderr)}`);
  };
  await openssl(
    ...["req", "-x509", ...CURVE, "-keyout", "ca.key", "-out", "ca.pem"],
    ...["-days", "2", "-subj", `/CN=${commonName}`],
  );
  let issued = 0;
  return {
    ca: await Deno.readTextFile(path("ca.pem")),
    async issue({ names, expired = false, commonName: subject }: Wanted = {}): Promise<Issued> {
      const name = `issued${++issued}`;
      const alt = names ?? "DNS:localhost,IP:127.0.0.1,IP:::1";
      await Deno.writeTextFile(
        path(`${name}.ext`),
        `subjectAltName=${alt}\nbasicConstraints=CA:FALSE\n`,
      );
      await openssl(
        ...["req", ...CURVE, "-keyout", `${name}.key`, "-out", `${name}.csr`],
        ...["-subj", `/CN=${subject ?? name}`],
      );
      const time = expired
        ? ["-startdate", "20200101000000Z", "-enddate", "20200102000000Z"]
        : ["-days", "2"];
      await openssl(
        ...["ca", "-batch", "-notext", "-config", "ca.cnf", "-in", `${name}.csr`],
        ...["-out", `${name}.pem`, "-extfile", `${name}.ext`, ...time],
      );
      return {
        cert: await Deno.readTextFile(path(`${name}.pem`)),
        key: await Deno.readTextFile(path(`${name}.key`)),
      };
    },
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}
