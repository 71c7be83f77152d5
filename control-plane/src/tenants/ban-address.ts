import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

/**
 * An address as data planes ban it: a v4 address, or the /64 of a v6 one, which a client has the whole of.
 * Undefined for what is neither.
 */
export function banAddress(text: string): string | undefined {
  const [, address = "", prefix] = /^([^/%]+)(\/64)?$/.exec(text) ?? [];
  if (isIP(address) === 0) return undefined;
  const parsed = ipaddr.process(address);
  if (parsed.kind() === "ipv4") return prefix === undefined ? parsed.toString() : undefined;
  const network = (parsed as ipaddr.IPv6).parts.slice(0, 4).map((part) => part.toString(16));
  return `${network.join(":")}::/64`;
}
