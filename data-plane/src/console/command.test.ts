import { describe, expect, it } from "vitest";
import { parseCommand, splitCommands } from "./command.js";
import { consoleUsers } from "./console-users.js";

describe("commands of the console", () => {
  it.each([
    ["SHOW POOLS;", { kind: "show", what: "pools" }],
    ["  show\tclients ", { kind: "show", what: "clients" }],
    ["PAUSE", { kind: "order", order: "pause", tenant: undefined }],
    ["pause dev_tenant;", { kind: "order", order: "pause", tenant: "dev_tenant" }],
    ['RECONNECT "My ""Tenant"""', { kind: "order", order: "reconnect", tenant: 'My "Tenant"' }],
    ["kill 'a'", { kind: "order", order: "kill", tenant: "a" }],
    ["KILL_CLIENT 1-22", { kind: "kill-client", id: "1-22" }],
  ])("%s", (text, command) => {
    expect(parseCommand(text)).toEqual(command);
  });

  it.each([
    "",
    "SHOW",
    "SHOW NOTHING",
    "KILL",
    "KILL a b",
    "DROP TABLE x",
    "PAUSE a b",
    "show pools extra",
    '"',
  ])("%j is none", (text) => {
    expect(() => parseCommand(text)).toThrow(/unknown command/);
  });

  it.each([
    ["RELOAD", /no RELOAD here: configuration comes from the control plane/],
    ["shutdown;", /no SHUTDOWN here: send SIGTERM/],
    ["SUSPEND", /PAUSE/],
    ["WAIT_CLOSE a", /RECONNECT/],
    ["DISABLE a", /API/],
    ["ENABLE a", /API/],
    ["SET verbose = 1", /log-level/],
  ])("%s says what does the same here", (text, words) => {
    expect(() => parseCommand(text)).toThrow(words);
  });

  it("are told apart by semicolons that are not in quotes", () => {
    expect(splitCommands('SHOW POOLS; PAUSE "a;b" ;; show version')).toEqual([
      "SHOW POOLS",
      'PAUSE "a;b"',
      "show version",
    ]);
    expect(splitCommands(" ;\n; ")).toEqual([]);
    expect(splitCommands('PAUSE "open')).toEqual(['PAUSE "open']);
    expect(() => parseCommand('PAUSE "open')).toThrow(/unknown command/);
  });
});

describe("CONSOLE_USERS", () => {
  const read = consoleUsers();

  it("gives names, rights and verifiers, from passwords or as they are in pg_authid", async () => {
    const verifier = `SCRAM-SHA-256$4096:${"A".repeat(22)}==$${"B".repeat(43)}=:${"C".repeat(43)}=`;
    const users = read(
      `ann:write:a long enough password, bob:read:${verifier}`.replace(",", ","),
      "CONSOLE_USERS",
    );
    expect(users.map(({ name, right }) => [name, right])).toEqual([
      ["ann", "write"],
      ["bob", "read"],
    ]);
    expect((await users[0]?.verifier())?.iterations).toBe(4096);
    expect((await users[1]?.verifier())?.salt).toHaveLength(16);
  });

  it("is nobody when unset", () => {
    expect(read(undefined, "CONSOLE_USERS")).toEqual([]);
  });

  it.each([
    ["ann:admin:a long enough password", /entry 1 is not/],
    ["ann:read:short", /shorter than 12/],
    ["ann:read:a long enough password,ann:write:a long enough password", /twice/],
    ["just-a-name", /entry 1/],
  ])("refuses %s without showing a secret", (text, message) => {
    expect(() => read(text, "CONSOLE_USERS")).toThrow(message);
    try {
      read(text, "CONSOLE_USERS");
    } catch (error) {
      expect(String(error)).not.toContain("a long enough password");
    }
  });
});
