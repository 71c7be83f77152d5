import { BadStartupMessage, StartupPacketTooLarge } from "./startup-failure.js";

/** Requests that come where a StartupMessage may come, and carry no type byte ("Message Formats"). */
export const STARTUP_CODE = {
  cancel: 0x04d2162e,
  ssl: 0x04d2162f,
  gssenc: 0x04d21630,
} as const;

export const PROTOCOL_3_0 = 0x00030000;
export const PROTOCOL_3_2 = 0x00030002;

/** PostgreSQL's own bound (MAX_STARTUP_PACKET_LENGTH). */
export const MOST_STARTUP_BYTES = 10_000;

export type StartupPacket =
  | { readonly kind: "ssl" }
  | { readonly kind: "gssenc" }
  | { readonly kind: "cancel"; readonly pid: number; readonly secret: Buffer }
  | { readonly kind: "startup"; readonly version: number; readonly parameters: ReadonlyMap<string, string> };

/**
 * The length that the packet at the start of `held` says it has, or undefined while that cannot be told.
 * @throws BadStartupMessage, StartupPacketTooLarge for a length that no packet may have.
 */
export function startupPacketLength(held: Buffer): number | undefined {
  if (held.length < 4) return undefined;
  const length = held.readInt32BE(0);
  if (length < 8) throw new BadStartupMessage("invalid length of startup packet");
  if (length > MOST_STARTUP_BYTES) throw new StartupPacketTooLarge(length, MOST_STARTUP_BYTES);
  return length;
}

/** Decodes one whole packet, its length included. Duplicate parameters: the last one counts, as in PostgreSQL. @throws BadStartupMessage */
export function decodeStartupPacket(packet: Buffer): StartupPacket {
  const code = packet.readInt32BE(4);
  switch (code) {
    case STARTUP_CODE.ssl:
    case STARTUP_CODE.gssenc:
      if (packet.length !== 8) throw new BadStartupMessage("bad length of encryption request");
      return { kind: code === STARTUP_CODE.ssl ? "ssl" : "gssenc" };
    case STARTUP_CODE.cancel: {
      const secret = packet.subarray(12);
      if (secret.length < 4 || secret.length > 256)
        throw new BadStartupMessage("bad length of cancel request");
      return { kind: "cancel", pid: packet.readInt32BE(8), secret };
    }
    default:
      return { kind: "startup", version: code, parameters: decodeParameters(packet.subarray(8)) };
  }
}

function decodeParameters(body: Buffer): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  let at = 0;
  for (;;) {
    const nameEnd = body.indexOf(0, at);
    if (nameEnd === -1) throw new BadStartupMessage("startup packet has no terminator");
    if (nameEnd === at) {
      if (nameEnd !== body.length - 1)
        throw new BadStartupMessage("bytes behind the startup packet's terminator");
      return parameters;
    }
    const valueEnd = body.indexOf(0, nameEnd + 1);
    if (valueEnd === -1) throw new BadStartupMessage("a startup parameter has no value");
    parameters.set(body.toString("utf8", at, nameEnd), body.toString("utf8", nameEnd + 1, valueEnd));
    at = valueEnd + 1;
  }
}
