import pg from "pg";

export interface EdgeLogin {
  readonly user: string;
  readonly password: string;
  readonly database?: string;
  readonly options?: string;
  readonly applicationName?: string;
}

/** A client on a port, logged in; what ends it later is not thrown. */
export async function connectAt(port: number, login: EdgeLogin): Promise<pg.Client> {
  const { user, password, database = "postgres", options, applicationName } = login;
  const client = new pg.Client({
    host: "127.0.0.1",
    port,
    user,
    password,
    database,
    connectionTimeoutMillis: 25_000,
    ...(options === undefined ? {} : { options }),
    ...(applicationName === undefined ? {} : { application_name: applicationName }),
  });
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

/** What a promise is rejected with, as far as tests look at it. */
export async function failureOf(promise: Promise<unknown>): Promise<{
  readonly code?: string;
  readonly severity?: string;
  readonly message: string;
  readonly hint?: string;
}> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
  throw new Error("it did not fail");
}
