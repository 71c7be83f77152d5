import { SCHEMA_VERSION } from "@sluice/shared/bundle";

/**
 * Why a data plane of another version cannot be sent what is published; undefined: it can. Fields that are new within
 * a schema are passed over by those who do not know them.
 */
export function incompatibilityOf(
  reads: { readonly minSchemaVersion: number; readonly maxSchemaVersion: number },
  published: number = SCHEMA_VERSION,
): string | undefined {
  const { minSchemaVersion, maxSchemaVersion } = reads;
  if (maxSchemaVersion < published) {
    return `it reads schema ${maxSchemaVersion}, published is ${published}; upgrade the data plane`;
  }
  if (minSchemaVersion > published) {
    return `it reads schema ${minSchemaVersion} and newer, published is ${published}; upgrade the control plane`;
  }
  return undefined;
}
