/** Whether there are file descriptors enough. Pure. @module */
import { type Finding, well } from "./finding.ts";
import { skippedFor } from "./compare.ts";

/** Clients at once for which a limit is worth a remark. */
const FEW_CLIENTS = 1_000;

/** What the limit carries. */
export interface DescriptorRoom {
  /** Descriptors the process may have; absent where that is not known. */
  readonly limit?: number | undefined;
  /** Clients at once that they carry. */
  readonly clients: number;
}

/** Whether the limit carries as many clients as a router has. */
export function descriptorFinding({ limit, clients }: DescriptorRoom): Finding {
  if (limit === undefined) {
    return skippedFor("descriptors", "the limit of file descriptors is not known here");
  }
  const said = `${limit} file descriptors carry ${clients} clients at once`;
  if (clients >= FEW_CLIENTS) return well("descriptors", "", said);
  return {
    check: "descriptors",
    outcome: "warning",
    subject: "",
    said,
    advice: "raise the limit: ulimit -n 65536, or LimitNOFILE=65536 of the systemd unit",
  };
}
