import type { IpVersion, UpstreamVerify } from "@sluice/shared/tenant";

/** Where a tenant's servers are and how they are reached; when it differs, servers are not interchangeable. */
export interface Upstream {
  readonly host: string;
  readonly port: number;
  readonly ipVersion: IpVersion;
  readonly tls:
    | { readonly verify: UpstreamVerify; readonly ca: string | undefined; readonly name: string }
    | undefined;
}

export function sameUpstream(a: Upstream, b: Upstream): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
