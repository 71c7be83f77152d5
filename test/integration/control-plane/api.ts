import request, { type Test } from "supertest";
import { GUIDE_TOKEN } from "./guide.js";
import type { Replica } from "./replica.js";

/** The API as the guide's curl commands use it. */
export class Api {
  readonly #replica: Replica;

  constructor(replica: Replica) {
    this.#replica = replica;
  }

  get(path: string): Test {
    return request(this.#replica.app).get(path).set("authorization", `Bearer ${GUIDE_TOKEN}`);
  }

  /** @param body sent as it is when it is a text. */
  put(externalId: string, body: string | Readonly<Record<string, unknown>>): Test {
    return request(this.#replica.app)
      .put(`/api/tenants/${externalId}`)
      .set("accept", "*/*")
      .set("authorization", `Bearer ${GUIDE_TOKEN}`)
      .set("content-type", "application/json")
      .send(typeof body === "string" ? body : JSON.stringify({ tenant: body }));
  }

  delete(externalId: string): Test {
    return request(this.#replica.app)
      .delete(`/api/tenants/${externalId}`)
      .set("authorization", `Bearer ${GUIDE_TOKEN}`);
  }

  /** Any other request; a body goes out as JSON. */
  send(
    method: "get" | "put" | "post" | "patch" | "delete" | "head",
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Test {
    const sent = request(this.#replica.app)
      [method](path)
      .set({ authorization: `Bearer ${GUIDE_TOKEN}`, ...headers });
    if (body === undefined) return sent;
    return sent.set("content-type", "application/json").send(JSON.stringify(body));
  }

  /** Without a token. */
  stranger(): ReturnType<typeof request> {
    return request(this.#replica.app);
  }
}
