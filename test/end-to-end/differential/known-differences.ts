import { WAYS, type Way } from "./lane.js";

const IN_TRANSACTION_MODE: readonly Way[] = WAYS.slice(1);

export interface KnownDifferences {
  readonly reason: string;
  /** `topic: script`, and the ways on which it parts. */
  readonly scripts: Readonly<Record<string, readonly Way[]>>;
}

/** Where a client can tell that it is pooled. A script that stands here and parts nowhere fails the test. */
export const KNOWN_DIFFERENCES: readonly KnownDifferences[] = [
  {
    reason:
      "By design: the name of a setting that is computed cannot be asked for, so that the server stays with its client.",
    scripts: {
      "settings: set_config with values that are computed": ["transaction, with a neighbour"],
      "settings: set_config by extended protocol, with values": ["transaction, with a neighbour"],
      "settings: SET by EXECUTE in a DO block": ["transaction, with a neighbour"],
    },
  },
  {
    reason:
      "By design: after a change of settings a statement is analysed anew, its constants by the new rules.",
    scripts: {
      "prepared statements: settings on which Parse depends": IN_TRANSACTION_MODE,
    },
  },
  {
    reason:
      "PostgreSQL (18.4) answers the statement behind a Query in an open batch with XX000; here the server is made whole at its release, and the statement is served.",
    scripts: {
      "pipelines: a simple query ends an open batch": IN_TRANSACTION_MODE,
    },
  },
  {
    reason: "By design: what sequences gave out is forgotten when somebody else has used the server.",
    scripts: {
      "session state: currval of an earlier transaction": ["transaction, with a neighbour"],
    },
  },
  {
    reason: "A notice of the server at the login is not passed on.",
    scripts: {
      "startup parameters: an application_name that is too long": WAYS,
    },
  },
  {
    reason:
      "An error in a client's startup parameters lacks the file, line and routine of the server's own message.",
    scripts: {
      "startup parameters: an unknown parameter": WAYS,
      "startup parameters: a refused value": WAYS,
      "startup parameters: a refused time zone": WAYS,
      "startup parameters: a refused encoding": WAYS,
      "startup parameters: a parameter that only the operator may set": WAYS,
    },
  },
];
