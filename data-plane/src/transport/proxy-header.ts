import { SluiceError } from "@sluice/shared/errors";

/** What a balancer puts in front of a connection: "The PROXY protocol", versions 1 and 2 (haproxy.org). */
export type ProxyHeader =
  /** These may become a header; more bytes will tell. */
  | { readonly kind: "incomplete" }
  | { readonly kind: "none" }
  /** `source` is undefined for the balancer's own connections (LOCAL, UNKNOWN). */
  | {
      readonly kind: "header";
      readonly length: number;
      readonly source: string | undefined;
      readonly port?: number;
    };

export class BadProxyHeader extends SluiceError {
  constructor(what: string) {
    super({
      code: "EPROXYHEADER",
      kind: "invalid",
      sqlstate: "08P01",
      clientMessage: `(EPROXYHEADER) ${what}`,
    });
  }
}

const V1 = Buffer.from("PROXY ");
const V2 = Buffer.from("0d0a0d0a000d0a515549540a", "hex");
/** The specification's bound. */
const MOST_V1_BYTES = 107;
const V2_FIXED_BYTES = 16;
/** Addresses and any sensible set of TLVs. */
const MOST_V2_REST_BYTES = 2048;

const INCOMPLETE: ProxyHeader = { kind: "incomplete" };

/** @throws BadProxyHeader when it begins as a header and is none */
export function readProxyHeader(held: Buffer): ProxyHeader {
  if (beginsAs(held, V1)) return held.length < V1.length ? INCOMPLETE : readV1(held);
  if (beginsAs(held, V2)) return held.length < V2.length ? INCOMPLETE : readV2(held);
  return { kind: "none" };
}

function beginsAs(held: Buffer, signature: Buffer): boolean {
  const length = Math.min(held.length, signature.length);
  return held.subarray(0, length).equals(signature.subarray(0, length));
}

function readV1(held: Buffer): ProxyHeader {
  const end = held.subarray(0, MOST_V1_BYTES).indexOf("\r\n");
  if (end === -1) {
    if (held.length >= MOST_V1_BYTES) throw new BadProxyHeader("a PROXY line without an end");
    return INCOMPLETE;
  }
  const [, family, source = "", destination, sourcePort = "", destinationPort = "", ...rest] = held
    .toString("latin1", 0, end)
    .split(" ");
  const length = end + 2;
  if (family === "UNKNOWN") return { kind: "header", length, source: undefined };
  const form = family === "TCP4" ? V4 : family === "TCP6" ? V6 : undefined;
  if (
    form === undefined ||
    !form.test(source) ||
    !form.test(destination ?? "") ||
    !PORT.test(sourcePort) ||
    !PORT.test(destinationPort) ||
    rest.length > 0
  ) {
    throw new BadProxyHeader("a PROXY line that cannot be read");
  }
  return { kind: "header", length, source, port: Number(sourcePort) };
}

/** Only told apart here; whether it is an address is seen where it is used. */
const V4 = /^\d{1,3}(\.\d{1,3}){3}$/;
const V6 = /^[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*$/;
const PORT = /^\d{1,5}$/;

function readV2(held: Buffer): ProxyHeader {
  if (held.length < V2_FIXED_BYTES) return INCOMPLETE;
  const versionAndCommand = held[12] ?? 0;
  const familyAndTransport = held[13] ?? 0;
  const restBytes = held.readUInt16BE(14);
  const command = versionAndCommand & 0xf;
  if (versionAndCommand >> 4 !== 2 || command > 1) throw new BadProxyHeader("an unknown PROXY version");
  if (restBytes > MOST_V2_REST_BYTES) throw new BadProxyHeader("a PROXY header that is too long");
  const length = V2_FIXED_BYTES + restBytes;
  if (held.length < length) return INCOMPLETE;
  if (command === 0) return { kind: "header", length, source: undefined };
  const addresses = held.subarray(V2_FIXED_BYTES, length);
  switch (familyAndTransport) {
    case 0x00:
      return { kind: "header", length, source: undefined };
    case 0x11:
      if (addresses.length < 12) break;
      return {
        kind: "header",
        length,
        source: [...addresses.subarray(0, 4)].join("."),
        port: addresses.readUInt16BE(8),
      };
    case 0x21: {
      if (addresses.length < 36) break;
      const words = Array.from({ length: 8 }, (_, at) => addresses.readUInt16BE(at * 2).toString(16));
      return { kind: "header", length, source: words.join(":"), port: addresses.readUInt16BE(32) };
    }
  }
  throw new BadProxyHeader("a PROXY header that cannot be read");
}
