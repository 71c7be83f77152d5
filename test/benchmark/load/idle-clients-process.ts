import { RawClient } from "../../support/raw-client.js";

/*
 * A process of clients that log in and then do nothing. Told how many over its channel, it answers when all are in.
 * What they cost themselves is this process's own affair.
 */

export interface IdleClientsTask {
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly tls: boolean;
  /** No Postgres on the other side: they connect and send a byte. */
  readonly bare: boolean;
  readonly count: number;
  /** 127.x.x.x: one source address has some 28,000 ports. */
  readonly localAddress: string;
}

const AT_ONCE = 20;

async function open(task: IdleClientsTask, clients: RawClient[]): Promise<void> {
  let begun = 0;
  const work = async (): Promise<void> => {
    while (begun < task.count) {
      begun += 1;
      const client = await RawClient.connect(task.port, "127.0.0.1", task.localAddress);
      if (task.bare) {
        if (task.tls) await client.startTls();
        client.send(Buffer.of(0));
        await client.bytes(1);
      } else {
        if (task.tls) await client.requestTls();
        await client.logIn({ user: task.user, database: task.database }, { password: task.password });
      }
      clients.push(client);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

const clients: RawClient[] = [];
process.on("message", (task: IdleClientsTask) => {
  open(task, clients).then(
    () => process.send?.({ open: clients.length }),
    (error: unknown) => process.send?.({ failed: String(error) }),
  );
});
process.once("disconnect", () => process.exit());
