import { SluiceError } from "@sluice/shared/errors";

export class UnknownConsoleCommand extends SluiceError {
  constructor(text: string) {
    super({
      code: "ECONSOLECOMMAND",
      kind: "invalid",
      sqlstate: "42601",
      clientMessage: `unknown command ${JSON.stringify(text.slice(0, 100))}: SHOW HELP lists what there is`,
    });
  }
}

export class TooManyConsoleCommands extends SluiceError {
  constructor(limit: number) {
    super({
      code: "ECONSOLECOMMANDS",
      kind: "limit",
      sqlstate: "54000",
      clientMessage: `more than ${limit} commands in one message: none of them was done`,
    });
  }
}

/** One of PgBouncer's that is not there, and what does it here. */
export class CommandElsewhere extends SluiceError {
  constructor(verb: string, instead: string) {
    super({
      code: "ECONSOLEELSEWHERE",
      kind: "invalid",
      sqlstate: "0A000",
      clientMessage: `there is no ${verb} here: ${instead}`,
    });
  }
}

export class ConsoleRightMissing extends SluiceError {
  constructor(user: string, verb: string) {
    super({
      code: "ECONSOLERIGHT",
      kind: "forbidden",
      sqlstate: "42501",
      clientMessage: `${verb} needs the right to write, which console user "${user}" does not have`,
    });
  }
}

export class ConsoleTenantUnknown extends SluiceError {
  constructor(name: string) {
    super({
      code: "ECONSOLETENANT",
      kind: "not-found",
      sqlstate: "3D000",
      clientMessage: `no tenant ${JSON.stringify(name.slice(0, 100))} on this data plane`,
    });
  }
}

export class ConsoleClientUnknown extends SluiceError {
  constructor(id: string) {
    super({
      code: "ECONSOLECLIENT",
      kind: "not-found",
      sqlstate: "42704",
      clientMessage: `no client ${JSON.stringify(id.slice(0, 100))} on this data plane: SHOW CLIENTS lists their ids`,
    });
  }
}

export class ConsoleAllPaused extends SluiceError {
  constructor(tenant: string) {
    super({
      code: "ECONSOLEALLPAUSED",
      kind: "conflict",
      sqlstate: "55000",
      clientMessage: `all tenants are paused, ${JSON.stringify(tenant.slice(0, 100))} with them: RESUME without a name ends that`,
    });
  }
}

export class ConsoleBusy extends SluiceError {
  constructor(servers: number, waitedMs: number) {
    super({
      code: "ECONSOLEBUSY",
      kind: "timeout",
      sqlstate: "55P03",
      clientMessage: `${servers} servers are still in use after ${waitedMs} ms; the pause stays: SHOW SERVERS, or KILL`,
    });
  }
}

export class ExtendedQueryOnConsole extends SluiceError {
  constructor() {
    super({
      code: "ECONSOLEPROTOCOL",
      kind: "invalid",
      sqlstate: "0A000",
      clientMessage: "the console takes simple queries only",
    });
  }
}

export class TooManyConsoles extends SluiceError {
  constructor(limit: number) {
    super({
      code: "ECONSOLELIMIT",
      kind: "limit",
      sqlstate: "53300",
      clientMessage: `${limit} clients are on the console already`,
    });
  }
}
