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

  /** Without a token. */
  stranger(): ReturnType<typeof request> {
    return request(this.#replica.app);
  }
}
