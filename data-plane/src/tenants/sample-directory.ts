import { decodeTenant, encodeTenant, type VerifiedBytes } from "@sluice/shared/bundle";
import { Directory } from "./directory.js";
import type { Tenant } from "./tenant.js";

/** For tests: a directory of the tenants that it is given, each kept as a record, as everywhere. */
export class SampleDirectory extends Directory {
  readonly #given: Tenant[] = [];

  /** @param remove ids */
  give(tenants: readonly Tenant[], remove: readonly string[] = []): void {
    const records = tenants.map((tenant): [string, VerifiedBytes] => {
      const number = this.#given.push(tenant) - 1;
      const record = { externalId: tenant.id, sniHostname: tenant.sniHostname ?? "", dbPort: number };
      return [tenant.id, encodeTenant(record) as VerifiedBytes];
    });
    this.keep(new Map(records), remove, (record) => {
      const tenant = this.#given[decodeTenant(record).dbPort];
      if (tenant === undefined) throw new Error("it was not given here");
      return tenant;
    });
  }
}
