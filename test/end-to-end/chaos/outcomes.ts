/**
 * What a client may be told because something was broken: its server or the database has ended, is starting, or could
 * not be had. Everything else is a fault, unless the client asked for it.
 */
const OF_BREAKAGE: ReadonlySet<string> = new Set([
  "57P01", // ended by an operator or a restart
  "57P02", // a crash of another backend
  "57P03", // the database is starting
  "08006", // the server is gone, or cannot be reached
  "53300", // no server, or no room, in time
  "53400", // as many sessions as may keep their server do so
]);

export function isOfBreakage(sqlstate: string | undefined): boolean {
  return sqlstate !== undefined && OF_BREAKAGE.has(sqlstate);
}

/** The connection is gone, in a way that breakage explains. */
export class Lost extends Error {
  constructor(why: string) {
    super(`lost: ${why}`);
    this.name = "Lost";
  }
}

/** The client has gone by its own will. */
export class Gone extends Lost {
  constructor() {
    super("by its own will");
    this.name = "Gone";
  }
}

/** The request was not served, in a way that breakage explains; the connection stays. */
export class Unserved extends Error {
  constructor(sqlstate: string) {
    super(`unserved: ${sqlstate}`);
    this.name = "Unserved";
  }
}
