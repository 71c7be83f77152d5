import knex, { type Knex } from "knex";
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

const MIGRATIONS: Readonly<Record<string, Knex.Migration>> = {
  "1_products": {
    up: (db) =>
      db.schema.createTable("products", (table) => {
        table.increments("id");
        table.text("name").notNullable().unique();
        table.integer("stock").notNullable();
        table.check("stock >= 0");
      }),
    down: (db) => db.schema.dropTable("products"),
  },
  "2_orders": {
    up: async (db) => {
      await db.schema.createTable("orders", (table) => {
        table.increments("id");
        table.text("buyer").notNullable();
        table.jsonb("notes");
        table.timestamp("made").defaultTo(db.fn.now());
      });
      await db.schema.createTable("items", (table) => {
        table.integer("order_id").references("orders.id").onDelete("CASCADE");
        table.integer("product_id").references("products.id");
        table.integer("count").notNullable();
        table.primary(["order_id", "product_id"]);
      });
    },
    down: (db) => db.schema.dropTable("items").dropTable("orders"),
  },
};

/** Migrations as Knex keeps them, with its lock table; transactions, JSON, row locks, streams. */
async function shop(url: string): Promise<ShopReport> {
  const db = knex({ client: "pg", connection: url, pool: { min: 0, max: 6 } });
  const migrationSource: Knex.MigrationSource<string> = {
    getMigrations: () => Promise.resolve(Object.keys(MIGRATIONS)),
    getMigrationName: (name) => name,
    getMigration: (name) => Promise.resolve(MIGRATIONS[name] ?? {}) as Promise<Knex.Migration>,
  };
  const buy = async ({ buyer, product, count }: Purchase): Promise<boolean> => {
    try {
      await db.transaction(async (trx) => {
        const [order] = await trx("orders")
          .insert({ buyer, notes: JSON.stringify({ product, count }) })
          .returning("id");
        const found = await trx("products").where({ name: product }).forUpdate().first("id");
        await trx("products").where({ id: found.id }).decrement("stock", count);
        await trx("items").insert({ order_id: order.id, product_id: found.id, count });
      });
      return true;
    } catch (error) {
      if (isOutOfStock(error)) return false;
      throw error;
    }
  };
  try {
    const [, migrations] = await db.migrate.latest({ migrationSource });
    await db("products").insert(PRODUCTS.map((name) => ({ name, stock: STOCK })));
    const refused = await sell(buy);
    const [orders] = await db("orders")
      .count("* as n")
      .whereRaw("notes ->> 'product' = any(?)", [[...PRODUCTS]]);
    const [items] = await db("items").sum("count as n");
    const stock = await db("products").select("name", "stock").orderBy("name");
    const columns = await db.raw(COLUMNS);
    await db.migrate.rollback({ migrationSource }, true);
    const afterwards = await db.raw(COLUMNS);
    return {
      migrations,
      orders: Number(orders?.["n"]),
      items: Number(items?.["n"]),
      stock: stock.map(({ name, stock: left }) => [name, left]),
      refused,
      columns: columns.rows.map(({ name }: { name: string }) => name),
      afterwards: afterwards.rows.map(({ name }: { name: string }) => name),
    };
  } finally {
    await db.destroy();
  }
}

await report(shop);
