/** What an application of a test does and finds: the same on Postgres itself and through a data plane. */
export interface ShopReport {
  readonly migrations: readonly string[];
  readonly orders: number;
  readonly items: number;
  readonly stock: readonly (readonly [product: string, left: number])[];
  /** Orders that asked for more than there was, and were rolled back. */
  readonly refused: number;
  readonly columns: readonly string[];
  readonly afterwards: readonly string[];
}

export const PRODUCTS = ["anchor", "bell", "compass", "deck"] as const;
export const STOCK = 120;
const BUYERS = 8;
const ORDERS_OF_EACH = 15;

/** Tables that are there, and what they have. */
export const COLUMNS = `select table_name || '.' || column_name || ' ' || data_type as name from information_schema.columns
  where table_schema = 'public' order by 1`;

export interface Purchase {
  readonly buyer: string;
  readonly product: string;
  readonly count: number;
}

/** The same purchases in each run; some ask for more than there is. */
function purchasesOf(buyer: number): readonly Purchase[] {
  return Array.from({ length: ORDERS_OF_EACH }, (_, turn) => ({
    buyer: `buyer ${buyer}`,
    product: PRODUCTS[(buyer + turn) % PRODUCTS.length] ?? "anchor",
    count: turn % 5 === 4 ? STOCK + 1 : 1 + ((buyer + turn) % 3),
  }));
}

/** Buyers at the same time. @returns how many purchases were refused; `buy` throws nothing else */
export async function sell(buy: (purchase: Purchase) => Promise<boolean>): Promise<number> {
  const refused = await Promise.all(
    Array.from({ length: BUYERS }, async (_, buyer) => {
      let count = 0;
      for (const purchase of purchasesOf(buyer)) if (!(await buy(purchase))) count += 1;
      return count;
    }),
  );
  return refused.reduce((sum, each) => sum + each, 0);
}

/** Of a program that is started with the URL of a database: its report goes to standard output. */
export async function report(shop: (url: string) => Promise<ShopReport>): Promise<void> {
  const [, , url = ""] = process.argv;
  process.stdout.write(`${JSON.stringify(await shop(url))}\n`);
}

/** Postgres' check_violation, as each library wraps it. */
export function isOutOfStock(error: unknown): boolean {
  for (let at: unknown = error; typeof at === "object" && at !== null; ) {
    if ("code" in at && at.code === "23514") return true;
    at = "driverError" in at ? at.driverError : "cause" in at ? at.cause : undefined;
  }
  return false;
}
