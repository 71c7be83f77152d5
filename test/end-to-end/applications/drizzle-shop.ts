import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { count, eq, inArray, sql, sum } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import { migrate } from "drizzle-orm/node-postgres/migrator";
import { integer, jsonb, pgTable, primaryKey, serial, text, timestamp } from "drizzle-orm/pg-core";
import pg from "pg";
import {
  COLUMNS,
  isOutOfStock,
  PRODUCTS,
  type Purchase,
  report,
  type ShopReport,
  STOCK,
  sell,
} from "./shop.js";

const products = pgTable("products", {
  id: serial("id").primaryKey(),
  name: text("name").notNull().unique(),
  stock: integer("stock").notNull(),
});
const orders = pgTable("orders", {
  id: serial("id").primaryKey(),
  buyer: text("buyer").notNull(),
  notes: jsonb("notes"),
  made: timestamp("made").defaultNow(),
});
const items = pgTable(
  "items",
  {
    orderId: integer("order_id").references(() => orders.id),
    productId: integer("product_id").references(() => products.id),
    count: integer("count").notNull(),
  },
  (table) => [primaryKey({ columns: [table.orderId, table.productId] })],
);

const MIGRATIONS = {
  "0000_products":
    'CREATE TABLE "products" ("id" serial PRIMARY KEY, "name" text NOT NULL UNIQUE, "stock" integer NOT NULL CHECK ("stock" >= 0));',
  "0001_orders":
    'CREATE TABLE "orders" ("id" serial PRIMARY KEY, "buyer" text NOT NULL, "notes" jsonb, "made" timestamp DEFAULT now());\n--> statement-breakpoint\nCREATE TABLE "items" ("order_id" integer REFERENCES "orders", "product_id" integer REFERENCES "products", "count" integer NOT NULL, PRIMARY KEY ("order_id", "product_id"));',
} as const;

/** Migrations from a folder, as drizzle-kit writes it; transactions, prepared statements with names, JSON, row locks. */
async function shop(url: string): Promise<ShopReport> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-drizzle-"));
  const pool = new pg.Pool({ connectionString: url, max: 6 });
  const db = drizzle(pool);
  writeMigrations(folder);
  // Named, so that the server's copies are shared by all clients of a pool.
  const find = (from: Pick<typeof db, "select">) =>
    from
      .select({ id: products.id })
      .from(products)
      .where(eq(products.name, sql.placeholder("name")))
      .for("update")
      .prepare("find_product");
  const buy = async ({ buyer, product, count: wanted }: Purchase): Promise<boolean> => {
    try {
      await db.transaction(async (trx) => {
        const [order] = await trx
          .insert(orders)
          .values({ buyer, notes: { product, count: wanted } })
          .returning({ id: orders.id });
        const [found] = await find(trx).execute({ name: product });
        if (order === undefined || found === undefined) throw new Error("not found");
        await trx
          .update(products)
          .set({ stock: sql`${products.stock} - ${wanted}` })
          .where(eq(products.id, found.id));
        await trx.insert(items).values({ orderId: order.id, productId: found.id, count: wanted });
      });
      return true;
    } catch (error) {
      if (isOutOfStock(error)) return false;
      throw error;
    }
  };
  const names = async (): Promise<string[]> =>
    (await db.execute<{ name: string }>(sql.raw(COLUMNS))).rows.map(({ name }) => name);
  try {
    await migrate(db, { migrationsFolder: folder });
    // A second time there is nothing to do.
    await migrate(db, { migrationsFolder: folder });
    const { rows: applied } = await db.execute<{ at: string }>(
      sql`select created_at::text as at from drizzle.__drizzle_migrations order by 1`,
    );
    await db.insert(products).values(PRODUCTS.map((name) => ({ name, stock: STOCK })));
    const refused = await sell(buy);
    const [made] = await db
      .select({ n: count() })
      .from(orders)
      .where(inArray(sql`${orders.notes} ->> 'product'`, [...PRODUCTS]));
    const [sold] = await db.select({ n: sum(items.count) }).from(items);
    const stock = await db.select().from(products).orderBy(products.name);
    const columns = await names();
    await db.execute(sql`drop table items, orders, products; drop schema drizzle cascade`);
    return {
      migrations: applied.map(({ at }) => at),
      orders: made?.n ?? 0,
      items: Number(sold?.n),
      stock: stock.map(({ name, stock: left }) => [name, left]),
      refused,
      columns,
      afterwards: await names(),
    };
  } finally {
    await pool.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

function writeMigrations(folder: string): void {
  mkdirSync(join(folder, "meta"));
  const entries = Object.entries(MIGRATIONS).map(([tag, text], idx) => {
    writeFileSync(join(folder, `${tag}.sql`), text);
    return { idx, version: "7", when: 1_700_000_000_000 + idx, tag, breakpoints: true };
  });
  const journal = { version: "7", dialect: "postgresql", entries };
  writeFileSync(join(folder, "meta/_journal.json"), JSON.stringify(journal));
}

await report(shop);
