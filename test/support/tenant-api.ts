import type { Fleet } from "@sluice/local/fleet";
import pg from "pg";
import { eventually } from "./eventually.js";

/** The token of Supavisor's guide: HS256 with the development secret, without exp. */
export const GUIDE_TOKEN =
  "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJzdXBhYmFzZSIsInJvbGUiOiJhbm9uIiwiaWF0IjoxNjQ1MTkyODI0LCJleHAiOjE5NjA3Njg4MjR9.M9jrxyvPLkUxWgOYSf5dNdJ8v_eRrq810ShFRT8N-6M";

/** A request of the REST API; `body` is sent as it is when it is a text. */
export function callApi(fleet: Fleet, method: string, path: string, body?: unknown): Promise<Response> {
  return fetch(`${fleet.controlPlane.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${GUIDE_TOKEN}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
}

export async function putTenant(
  fleet: Fleet,
  id: string,
  tenant: Readonly<Record<string, unknown>>,
): Promise<{ readonly status: number; readonly body: Record<string, unknown> }> {
  const answer = await callApi(fleet, "PUT", `/api/tenants/${id}`, { tenant });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

export interface Login {
  readonly mode?: "transaction" | "session";
  readonly user?: string;
  readonly password: string;
  readonly database?: string;
  readonly ssl?: boolean;
}

/** A client of the fleet's data plane that is logged in; what ends it later is not thrown. */
export async function connectTo(fleet: Fleet, tenant: string, login: Login): Promise<pg.Client> {
  const { mode = "transaction", user = "postgres", password, database = "postgres", ssl = false } = login;
  const client = new pg.Client({
    host: "127.0.0.1",
    port: fleet.dataPlane.ports[mode],
    user: `${user}.${tenant}`,
    password,
    database,
    connectionTimeoutMillis: 20_000,
    ...(ssl ? { ssl: { rejectUnauthorized: false } } : {}),
  });
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

/** Waits until the tenant takes a login. */
export function served(fleet: Fleet, tenant: string, login: Login): Promise<true> {
  const attempt = async (): Promise<true> => {
    await (await connectTo(fleet, tenant, login)).end();
    return true;
  };
  // Behind an outage of the control plane a data plane lets pass up to half a minute before it asks again.
  return eventually(`${tenant} is served`, attempt, { timeoutMs: 45_000 });
}

/** The error that ends a client's connection. */
export function endOf(client: pg.Client): Promise<{ readonly code?: string }> {
  return new Promise((resolve) => {
    client.once("error", resolve);
    client.once("end", () => resolve({}));
  });
}
