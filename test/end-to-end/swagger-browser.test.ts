import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { type Fleet, startFleet } from "@sluice/local/fleet";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { CHECKOUT } from "../support/development-run.js";
import { callApi, GUIDE_TOKEN } from "../support/tenant-api.js";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];
const WAIT_MS = 20_000;

function findBrowser(): string | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return folders
    .flatMap((folder) => NAMES.map((name) => join(folder, name)))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

const executablePath = findBrowser();

// Reported as skipped where no Chromium is installed.
describe.skipIf(executablePath === undefined)("Swagger UI in a browser", () => {
  let fleet: Fleet;
  let browser: Browser;
  let page: Page;
  const complaints: string[] = [];

  beforeAll(async () => {
    fleet = await startFleet({ postgres: inject("postgres") });
    browser = await chromium.launch({
      ...(executablePath === undefined ? {} : { executablePath }),
      args: ["--no-sandbox"],
    });
    page = await browser.newPage();
    page.setDefaultTimeout(WAIT_MS);
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("requestfailed", (request) => complaints.push(`${request.url()} failed`));
    await page.goto(`${fleet.controlPlane.url}/swaggerui`);
    await page.locator(".opblock").first().waitFor();
  });
  afterAll(async () => {
    await browser?.close();
    await fleet?.stop();
  });

  /** Opens an operation, fills in the tenant, executes it, and gives the status that the page shows. */
  async function execute(method: string, path: string, tenant: string): Promise<string> {
    const operation = page
      .locator(`.opblock-${method}`)
      .filter({ has: page.locator(`[data-path="${path}"]`) })
      .first();
    await operation.locator(".opblock-summary-control").click();
    await operation.locator("tr[data-param-in=path] input").first().fill(tenant);
    await operation.locator("button.execute").click();
    const status = operation.locator(".live-responses-table .response-col_status").nth(1);
    await status.waitFor();
    const shown = (await status.innerText()).trim();
    await operation.locator(".opblock-summary-control").click();
    return shown;
  }

  it("loads without a complaint of the browser, and looks as reports/swagger-ui.png shows", async () => {
    const picture = await page.screenshot({ path: join(CHECKOUT, "reports/swagger-ui.png") });
    // A page without its style, or nothing at all, packs into a few kilobytes.
    expect(picture.length).toBeGreaterThan(20_000);
    expect(complaints).toEqual([]);
  });

  it("shows 401 to those who have not given a token", async () => {
    expect(await execute("delete", "/api/tenants/{external_id}", "from_the_browser")).toMatch(/^401/);
  });

  it("makes a tenant with a token, from the example that is filled in", async () => {
    await page.locator("button.authorize").first().click();
    await page.locator(".auth-container input").first().fill(GUIDE_TOKEN);
    await page.locator(".auth-btn-wrapper button[type=submit]").click();
    await page.locator(".auth-btn-wrapper .btn-done").click();
    expect(await execute("put", "/api/tenants/{external_id}", "from_the_browser")).toMatch(/^201/);
    expect((await callApi(fleet, "GET", "/api/tenants/from_the_browser")).status).toBe(200);
  });
});
