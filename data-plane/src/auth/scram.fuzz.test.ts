import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AuthProtocolViolation } from "./auth-failure.js";
import { MockVerifiers } from "./mock-verifier.js";
import { ScramClient } from "./scram-client.js";
import { SCRAM_SHA_256, SCRAM_SHA_256_PLUS, ScramServer } from "./scram-server.js";
import { ServerAuthFailure } from "./server-auth-failure.js";

const verifier = new MockVerifiers().for("t", "u", undefined);
/** Text that looks nearly right. */
const part = fc.oneof(
  fc.constantFrom(
    "n,,",
    "y,,",
    "p=tls-server-end-point,,",
    "n=",
    "r=",
    "c=biws",
    "s=",
    "i=4096",
    "p=",
    "v=",
    "m=",
    ",",
    "=",
  ),
  fc.string({ maxLength: 12 }),
  fc.base64String({ maxLength: 48 }),
);
const text = fc.array(part, { maxLength: 8 }).map((parts) => parts.join(""));

describe("SCRAM", () => {
  it("answers a client's first and final message, or refuses them, whatever they are, and accepts none of them", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(SCRAM_SHA_256, SCRAM_SHA_256_PLUS),
        text,
        text,
        fc.boolean(),
        (mechanism, first, final, tls) => {
          const server = new ScramServer(verifier, false, tls ? Buffer.alloc(32) : undefined);
          try {
            server.challenge(mechanism, first);
            expect(server.finish(final).accepted).toBe(false);
          } catch (error) {
            expect(error).toBeInstanceOf(AuthProtocolViolation);
          }
        },
      ),
      { numRuns: 3000 },
    );
  });

  it("believes no server for what it says at random", async () => {
    await fc.assert(
      fc.asyncProperty(text, text, async (first, final) => {
        const keys = { clientKey: Buffer.alloc(32), serverKey: Buffer.alloc(32) };
        const client = new ScramClient(() => Promise.resolve(keys), undefined, "abc");
        client.first([SCRAM_SHA_256]);
        try {
          await client.respond(first);
          client.verify(final);
          expect.fail("believed");
        } catch (error) {
          expect(error).toBeInstanceOf(ServerAuthFailure);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
