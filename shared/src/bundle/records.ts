import { BUNDLE_BOUNDS } from "./bounds.js";
import { BundleMalformed } from "./refusal.js";

/** Printable ASCII without blanks, so that order by code unit is order by byte everywhere. */
const RECORD_ID = /^[\x21-\x7e]+$/;

/** `tenant/<external_id>` */
export function tenantRecordId(externalId: string): string {
  return `tenant/${externalId}`;
}

/** `cluster/<alias>` */
export function clusterRecordId(alias: string): string {
  return `cluster/${alias}`;
}

/** @throws BundleMalformed for an id that could be read in two ways. */
export function checkRecordId(id: string): string {
  if (id.length > BUNDLE_BOUNDS.recordIdBytes || !RECORD_ID.test(id)) {
    throw new BundleMalformed("a record's id", JSON.stringify(id.slice(0, 100)));
  }
  return id;
}
