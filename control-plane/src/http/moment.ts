const MOMENT = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/i;

/**
 * A moment as RFC 3339 writes it. Undefined where there is none: Date takes 30 February for 2 March and 24:00 for the
 * next day, and has no leap seconds.
 */
export function momentOf(text: string): Date | undefined {
  const [, year, month, day, hour] = MOMENT.exec(text) ?? [];
  if (Number(hour) > 23) return undefined;
  const isDay = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day))).getUTCDate() === Number(day);
  const moment = new Date(text);
  return isDay && !Number.isNaN(moment.getTime()) ? moment : undefined;
}
