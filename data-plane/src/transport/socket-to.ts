import { type LookupFunction, Socket, type SocketConnectOpts } from "node:net";
import type { IpVersion } from "@sluice/shared/tenant";
import type { Upstream } from "./upstream.js";

/** How to connect to an upstream: the address family that its tenant wants, both in turn for `auto` (RFC 8305). */
export function connectOptions(
  { host, port, ipVersion }: Upstream,
  lookup?: LookupFunction,
): SocketConnectOpts {
  return {
    host,
    port,
    family: familyOf(ipVersion),
    ...(lookup === undefined ? {} : { lookup }),
    autoSelectFamily: ipVersion === "auto",
    noDelay: true,
    keepAlive: true,
  };
}

/** 0: either. */
export function familyOf(ipVersion: IpVersion): 0 | 4 | 6 {
  return FAMILIES[ipVersion];
}

const FAMILIES: Readonly<Record<IpVersion, 0 | 4 | 6>> = { v4: 4, v6: 6, auto: 0 };

/** A socket that goes to its upstream, whatever host it is told: for libraries that connect by themselves. */
export class SocketTo extends Socket {
  readonly #upstream: Upstream;
  readonly #lookup: LookupFunction | undefined;

  /** @param lookup default: the system's */
  constructor(upstream: Upstream, lookup?: LookupFunction) {
    super();
    this.#upstream = upstream;
    this.#lookup = lookup;
  }

  override connect(): this {
    return super.connect(connectOptions(this.#upstream, this.#lookup));
  }
}
