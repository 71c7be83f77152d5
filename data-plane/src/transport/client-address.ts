import { isIPv4 } from "node:net";
import ipaddr from "ipaddr.js";

/** Where a client comes from. */
export interface ClientAddress {
  /** In its normal form; a v4 address in v6's clothes is a v4 address. */
  readonly ip: string;
  /**
   * What rules count by: the address of a v4 client, the /64 of a v6 client, which has the whole of it. Undefined
   * when only a balancer's address is known, behind which everybody is.
   */
  readonly group: string | undefined;
}

/** In front of a v4 address on a socket that listens on `::`. */
const MAPPED = "::ffff:";

/** Undefined for what is not an address. */
export function clientAddress(text: string | undefined): ClientAddress | undefined {
  if (text === undefined) return undefined;
  // As sockets show them, and in their normal form already.
  const v4 = text.startsWith(MAPPED) ? text.slice(MAPPED.length) : text;
  if (isIPv4(v4)) return { ip: v4, group: v4 };
  if (!ipaddr.isValid(text)) return undefined;
  const address = ipaddr.process(text);
  const ip = address.toString();
  if (address.kind() === "ipv4") return { ip, group: ip };
  const network = (address as ipaddr.IPv6).parts.slice(0, 4).map((part) => part.toString(16));
  return { ip, group: `${network.join(":")}::/64` };
}
