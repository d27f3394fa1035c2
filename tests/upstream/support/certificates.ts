/** Certificates for TLS tests, made by openssl when they are needed. @module */

/** PEM texts of an authority and of a server certificate that it signed. */
export interface Certificates {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

const CURVE = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

/** A fresh authority, and a certificate of it for `localhost`, `127.0.0.1` and `::1`. */
export async function makeCertificates(): Promise<Certificates> {
  const folder = await Deno.makeTempDir();
  try {
    const openssl = async (...args: string[]): Promise<void> => {
      const { success, stderr } = await new Deno.Command("openssl", {
        args,
        cwd: folder,
        stdin: "null",
      }).output();
      if (!success) throw new Error(`openssl ${args[0]}: ${new TextDecoder().decode(stderr)}`);
    };
    await Deno.writeTextFile(
      `${folder}/names`,
      "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1\nbasicConstraints=CA:FALSE\n",
    );
    await openssl(
      ...["req", "-x509", ...CURVE, "-keyout", "ca.key", "-out", "ca.pem"],
      ...["-days", "2", "-subj", "/CN=authority"],
    );
    await openssl("req", ...CURVE, "-keyout", "key.pem", "-out", "request.pem", "-subj", "/CN=x");
    await openssl(
      ...["x509", "-req", "-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca.key"],
      ...["-CAcreateserial", "-days", "2", "-extfile", "names", "-out", "cert.pem"],
    );
    const read = (name: string): Promise<string> => Deno.readTextFile(`${folder}/${name}`);
    return { ca: await read("ca.pem"), cert: await read("cert.pem"), key: await read("key.pem") };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
