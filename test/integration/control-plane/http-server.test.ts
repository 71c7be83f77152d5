import { Agent, request as httpRequest, type RequestListener } from "node:http";
import { connect } from "node:net";
import { startHttpServer } from "@sluice/control-plane/http/index";
import { describe, expect, it } from "vitest";

/** What a server says to bytes that are sent and then nothing more. */
function answerTo(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(bytes));
    let heard = "";
    socket.on("data", (chunk) => {
      heard += chunk.toString("latin1");
    });
    socket.on("error", reject);
    socket.on("close", () => resolve(heard));
  });
}

const FAST = { headersMs: 200, requestMs: 400, checkedEveryMs: 50 };

describe("the HTTP server", () => {
  it("ends requests whose headers or body come too slowly: 408", async () => {
    const whole: RequestListener = (request, response) => {
      request.resume().on("end", () => response.end("done"));
    };
    const server = await startHttpServer(whole, "127.0.0.1", 0, FAST);
    try {
      expect(await answerTo(server.port, "GET / HTTP/1.1\r\nHost: x\r\nSlow: ")).toMatch(/^HTTP\/1.1 408 /);
      const body = "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nonly the beginning";
      expect(await answerTo(server.port, body)).toMatch(/^HTTP\/1.1 408 /);
    } finally {
      await server.stop();
    }
  });

  it("answers what is under way before it stops, and takes nothing new", async () => {
    let finish: () => void = () => undefined;
    let arrive: () => void = () => undefined;
    const arrived = new Promise<void>((resolve) => {
      arrive = resolve;
    });
    const server = await startHttpServer(
      (_request, response) => {
        finish = () => response.end("answered");
        arrive();
      },
      "127.0.0.1",
      0,
    );
    const answer = new Promise<string>((resolve, reject) => {
      // Who would keep the connection does not keep the server.
      const agent = new Agent({ keepAlive: true });
      httpRequest({ port: server.port, host: "127.0.0.1", agent }, (response) => {
        let text = "";
        response.on("data", (chunk) => {
          text += String(chunk);
        });
        response.on("end", () => resolve(text));
      })
        .on("error", reject)
        .end();
    });
    await arrived;
    const stopped = server.stop();
    await expect(answerTo(server.port, "GET / HTTP/1.1\r\n\r\n")).rejects.toThrow(/ECONNREFUSED/);
    const began = performance.now();
    finish();
    expect(await answer).toBe("answered");
    await stopped;
    // An idle connection would be kept for five seconds.
    expect(performance.now() - began).toBeLessThan(4000);
  });
});
