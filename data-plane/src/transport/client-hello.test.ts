import { Duplex } from "node:stream";
import { connect } from "node:tls";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { readHelloName } from "./client-hello.js";

/** As OpenSSL writes it. */
function helloFor(servername: string | undefined): Promise<Buffer> {
  return new Promise((resolve) => {
    const socket = new Duplex({
      read: () => undefined,
      write: (segment: Buffer, _, done) => {
        resolve(segment);
        done();
      },
    });
    const client = connect({ socket, ...(servername === undefined ? {} : { servername }) });
    client.on("error", () => undefined);
  });
}

describe("a ClientHello", () => {
  let hello: Buffer;
  beforeAll(async () => {
    hello = await helloFor("Db.Example.Org");
  });

  it("tells the server name, in lower case, or that there is none", async () => {
    expect(readHelloName(hello)).toEqual({ kind: "read", serverName: "db.example.org" });
    expect(readHelloName(await helloFor(undefined))).toEqual({ kind: "read", serverName: undefined });
  });

  it("is waited for until it is whole, at every cut", () => {
    for (let at = 0; at < hello.length; at++)
      expect(readHelloName(hello.subarray(0, at))).toEqual({ kind: "incomplete" });
  });

  it("never fails and never asks for more than a record, whatever comes", () => {
    const none = { kind: "read", serverName: undefined };
    expect(readHelloName(Buffer.from("1603010000", "hex"))).toEqual(none);
    expect(readHelloName(Buffer.from("160301ffff", "hex"))).toEqual(none);
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(hello.length - 1), fc.nat(255)), { maxLength: 8 }), (changes) => {
        const damaged = Buffer.from(hello);
        for (const [at, byte] of changes) damaged[at] = byte;
        const bytes = damaged.readUInt16BE(3);
        const read = readHelloName(damaged);
        if (read.kind === "incomplete") expect(bytes).toBeGreaterThan(hello.length - 5);
      }),
      { numRuns: 500 },
    );
  });
});
