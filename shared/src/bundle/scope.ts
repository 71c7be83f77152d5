const REGION = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/** A region's or group's name: letters, digits, `.`, `_` and `-`, at most 63. */
export function isRegion(text: string): boolean {
  return REGION.test(text);
}

/** What a data plane of the region is served. */
export function scopeOfRegion(region: string): string {
  return `region:${region}`;
}
