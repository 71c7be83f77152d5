import { describe, expect, it } from "vitest";
import type { DirectSocket } from "../transport/index.js";
import { PendingSegments } from "./pending-segments.js";

class Client {
  paused = false;
  pause(): void {
    this.paused = true;
  }
  resume(): void {
    this.paused = false;
  }
}

describe("PendingSegments", () => {
  it("are given back in order, and the client is heard up to their bound", () => {
    const client = new Client();
    const pending = new PendingSegments(client as unknown as DirectSocket);
    pending.add(Buffer.alloc(256 * 1024, 1));
    expect(client.paused).toBe(false);
    pending.add(Buffer.from("2"));
    expect(client.paused).toBe(true);
    expect(pending.take().map(({ length }) => length)).toEqual([256 * 1024, 1]);
    expect([client.paused, pending.any]).toEqual([false, false]);
  });

  it("are few, however small the client sends them", () => {
    const pending = new PendingSegments(new Client() as unknown as DirectSocket);
    const sent = Buffer.from(Array.from({ length: 5000 }, (_, i) => i % 251));
    for (const byte of sent) pending.add(Buffer.from([byte]));
    const segments = pending.take();
    expect(segments.length).toBeLessThan(50);
    expect(Buffer.concat(segments).equals(sent)).toBe(true);
  });
});
