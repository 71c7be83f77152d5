import "reflect-metadata";
import { DataSource, EntitySchema, In, type MigrationInterface, type QueryRunner } from "typeorm";
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

interface Product {
  id: number;
  name: string;
  stock: number;
}
interface Order {
  id: number;
  buyer: string;
  notes: { product: string; count: number };
  items: Item[];
}
interface Item {
  id: number;
  order: Order;
  product: Product;
  count: number;
}

const PRODUCT = new EntitySchema<Product>({
  name: "Product",
  tableName: "products",
  columns: {
    id: { type: "integer", primary: true, generated: "increment" },
    name: { type: "text", unique: true },
    stock: { type: "integer" },
  },
});
const ORDER = new EntitySchema<Order>({
  name: "Order",
  tableName: "orders",
  columns: {
    id: { type: "integer", primary: true, generated: "increment" },
    buyer: { type: "text" },
    notes: { type: "jsonb" },
  },
  relations: { items: { type: "one-to-many", target: "Item", inverseSide: "order", cascade: true } },
});
const ITEM = new EntitySchema<Item>({
  name: "Item",
  tableName: "items",
  columns: {
    id: { type: "integer", primary: true, generated: "increment" },
    count: { type: "integer" },
  },
  relations: {
    order: { type: "many-to-one", target: "Order", joinColumn: { name: "order_id" } },
    product: { type: "many-to-one", target: "Product", joinColumn: { name: "product_id" } },
  },
});

class Products1700000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      "create table products (id serial primary key, name text not null unique, stock integer not null check (stock >= 0))",
    );
  }
  async down(runner: QueryRunner): Promise<void> {
    await runner.dropTable("products");
  }
}

class Orders1700000000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      "create table orders (id serial primary key, buyer text not null, notes jsonb not null)",
    );
    await runner.query(
      "create table items (id serial primary key, order_id integer references orders, product_id integer references products, count integer not null)",
    );
  }
  async down(runner: QueryRunner): Promise<void> {
    await runner.dropTable("items");
    await runner.dropTable("orders");
  }
}

/** Migrations in their transactions, entities with relations, pessimistic locks, savepoints, a schema that is in step. */
async function shop(url: string): Promise<ShopReport> {
  const source = new DataSource({
    type: "postgres",
    url,
    entities: [PRODUCT, ORDER, ITEM],
    migrations: [Products1700000000000, Orders1700000000001],
    extra: { max: 6 },
  });
  const names = async (): Promise<string[]> =>
    (await source.query<{ name: string }[]>(COLUMNS)).map(({ name }) => name);
  const buy = async ({ buyer, product, count }: Purchase): Promise<boolean> => {
    try {
      await source.transaction(async (manager) => {
        const found = await manager.findOneOrFail(PRODUCT, {
          where: { name: product },
          lock: { mode: "pessimistic_write" },
        });
        const order = await manager.save(ORDER, { buyer, notes: { product, count } });
        // A transaction in a transaction: a savepoint.
        await manager.transaction(async (inner) => {
          await inner.decrement(PRODUCT, { id: found.id }, "stock", count);
          await inner.insert(ITEM, { order, product: found, count });
        });
      });
      return true;
    } catch (error) {
      if (isOutOfStock(error)) return false;
      throw error;
    }
  };
  await source.initialize();
  try {
    const applied = await source.runMigrations({ transaction: "each" });
    await source.getRepository(PRODUCT).save(PRODUCTS.map((name) => ({ name, stock: STOCK })));
    const refused = await sell(buy);
    const orders = await source.getRepository(ORDER).find({
      relations: { items: { product: true } },
      where: { items: { product: { name: In([...PRODUCTS]) } } },
    });
    const items = await source.getRepository(ITEM).sum("count");
    const stock = await source.getRepository(PRODUCT).find({ order: { name: "ASC" } });
    const columns = await names();
    await source.undoLastMigration();
    await source.undoLastMigration();
    await source.query("drop table migrations");
    return {
      migrations: applied.map(({ name }) => name),
      orders: orders.length,
      items: items ?? 0,
      stock: stock.map(({ name, stock: left }) => [name, left]),
      refused,
      columns,
      afterwards: await names(),
    };
  } finally {
    await source.destroy();
  }
}

await report(shop);
