import { isIPv4, isIPv6 } from "node:net";

/**
 * An address range in the one form that data planes read, `address/prefix`. A bare address is a range of one; blanks
 * around it are dropped. Undefined for anything else.
 */
export function parseCidr(text: string): string | undefined {
  const [address = "", prefix, ...rest] = text.trim().split("/");
  // A zone (fe80::1%eth0) means something on one machine only.
  const bits = isIPv4(address) ? 32 : isIPv6(address) && !address.includes("%") ? 128 : undefined;
  if (bits === undefined || rest.length > 0) return undefined;
  if (prefix === undefined) return `${address}/${bits}`;
  if (!/^\d{1,3}$/.test(prefix) || Number(prefix) > bits) return undefined;
  return `${address}/${Number(prefix)}`;
}
