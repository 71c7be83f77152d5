import { RawClient } from "../../support/raw-client.js";
import type { Address } from "./play.js";

/** Everything that a session can hold, as another client than the script's would have it. */
const STARTUP = {
  application_name: "neighbour",
  TimeZone: "Asia/Tokyo",
  DateStyle: "SQL, DMY",
  options:
    "-c search_path=neighbourhood -c statement_timeout=45s -c app.mark=neighbour -c extra_float_digits=0",
};
const ASKED = `select current_setting('application_name'), current_setting('timezone'), current_setting('datestyle'),
  current_setting('search_path'), current_setting('statement_timeout'), current_setting('app.mark'),
  current_setting('extra_float_digits'), current_user`;
const EXPECTED = "neighbour|Asia/Tokyo|SQL, DMY|neighbourhood|45s|neighbour|0|";

/** A client of the same pool, which works between the transactions of a script and looks whether all is its own. */
export class Neighbour {
  readonly #client: RawClient;
  readonly #user: string;

  private constructor(client: RawClient, user: string) {
    this.#client = client;
    this.#user = user;
  }

  static async arrive({ port, user, password, database }: Address, role: string): Promise<Neighbour> {
    const client = await RawClient.connect(port);
    await client.logIn({ user, database, ...STARTUP }, { password });
    return new Neighbour(client, role);
  }

  /** One transaction. Throws when it cannot have a server, or finds what is not its own. */
  async work(): Promise<void> {
    const rows = await this.#client.query(ASKED);
    const found = rows.map((row) => row.join("|")).join("\n");
    if (found !== `${EXPECTED}${this.#user}`) throw new Error(`the neighbour found ${found}`);
  }

  leave(): void {
    this.#client.close();
  }
}
