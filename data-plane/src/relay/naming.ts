/** How far the names of prepared statements are the client's own. */
export type Naming =
  /** One server for the whole session: nothing is translated, and nothing looked for. */
  | "session"
  /** Names are the server's: a named statement keeps it. */
  | "server"
  | "client";
