import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { filesBelow, ROOT } from "./source-files.js";

interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");
const groups = (parse(read("infra/prometheus/rules.yml")) as { groups: { rules: Rule[] }[] }).groups;
const rules = groups.flatMap((group) => group.rules);
const alerts = rules.filter((rule) => rule.alert !== undefined);
const dashboards = filesBelow("infra/grafana/dashboards", ".json").map(({ path, text }) => ({
  path,
  dashboard: JSON.parse(text) as Dashboard,
}));

interface Dashboard {
  readonly uid: string;
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly query: { readonly query: string } }[];
  };
  readonly panels: readonly {
    readonly id: number;
    readonly title: string;
    readonly targets: readonly { readonly expr: string; readonly datasource: { readonly uid: string } }[];
  }[];
}

const expressions = [
  ...rules.map((rule) => ({ where: rule.alert ?? rule.record ?? "", expr: rule.expr })),
  ...dashboards.flatMap(({ path, dashboard }) =>
    dashboard.panels.flatMap(({ title, targets }) =>
      targets.map(({ expr }) => ({ where: `${basename(path)}: ${title}`, expr })),
    ),
  ),
];
const variableQueries = dashboards.flatMap(({ path, dashboard }) =>
  dashboard.templating.list.map(({ query }) => ({ where: basename(path), expr: query.query })),
);

/** Of Prometheus itself. */
const GIVEN = new Set(["up"]);
const documented = new Map(
  [...read("docs/metrics.md").matchAll(/^\| `([a-z0-9_]+)` \| (\w+)/gm)].map(([, name = "", type = ""]) => [
    name,
    type,
  ]),
);
const recorded = new Set(rules.flatMap(({ record }) => record ?? []));

/** Names of metrics in an expression: what stands in front of a selector, or is one of ours by its beginning. */
function metricsOf(expr: string): readonly string[] {
  const bare = expr
    .replace(/"(?:[^"\\]|\\.)*"/g, '""')
    .replace(/\b(?:by|on|without|group_left|group_right)\s*\([^)]*\)/g, "");
  return [...bare.matchAll(/\b(?:up|(?:sluice|supavisor|process|nodejs)[a-z0-9_:]*)\b/g)].map(
    ([name]) => name,
  );
}

function exists(name: string): boolean {
  if (GIVEN.has(name) || recorded.has(name) || documented.has(name)) return true;
  const base = name.replace(/_(bucket|sum|count)$/, "");
  return base !== name && documented.get(base) === "histogram";
}

function has(tool: string): boolean {
  try {
    execFileSync("which", [tool], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
const promtool = has("promtool");
const why = promtool ? "" : " (skipped: promtool is not here)";

describe("rules and dashboards", () => {
  it("name only metrics that docs/metrics.md has, which is held against running planes", () => {
    expect(documented.size).toBeGreaterThan(60);
    const wrong = [...expressions, ...variableQueries].flatMap(({ where, expr }) => {
      const names = metricsOf(expr);
      return [
        ...names.filter((name) => !exists(name)).map((name) => `${where}: ${name}`),
        ...(names.length === 0 ? [`${where}: no metric in ${expr}`] : []),
      ];
    });
    expect(wrong).toEqual([]);
  });

  it("use every pool metric somewhere, so that none is served for nobody", () => {
    const used = new Set(
      expressions.flatMap(({ expr }) =>
        metricsOf(expr).map((name) => name.replace(/_(bucket|sum|count)$/, "")),
      ),
    );
    const pools =
      read("docs/metrics.md")
        .split(/^## /m)
        .find((part) => part.startsWith("Data plane: pools")) ?? "";
    const unused = [...pools.matchAll(/^\| `([a-z0-9_]+)`/gm)]
      .map(([, name = ""]) => name)
      .filter((name) => !used.has(name) && !used.has(name.replace(/_(bucket|sum|count)$/, "")));
    expect(unused).toEqual([]);
  });
});

describe("alerts", () => {
  it("have a severity, a summary, a time to wait, and a page of what to look at and do", () => {
    for (const { alert, labels, annotations, for: wait } of alerts) {
      expect([alert, ["page", "ticket"].includes(labels?.severity ?? "")]).toEqual([alert, true]);
      expect(wait).toBeDefined();
      expect(annotations?.summary?.length).toBeGreaterThan(20);
      const page = annotations?.runbook ?? "";
      expect(page).toBe(`infra/runbooks/${alert}.md`);
      expect([page, existsSync(join(ROOT, page))]).toEqual([page, true]);
      expect(read(page)).toMatch(new RegExp(`^# ${alert}\\n[\\s\\S]+## Look\\n[\\s\\S]+## Do\\n`));
    }
  });

  it("are there for every page", () => {
    const pages = filesBelow("infra/runbooks", ".md").map(({ path }) => basename(path, ".md"));
    expect(pages.sort()).toEqual(alerts.map(({ alert }) => alert).sort());
  });

  it("are the same in the Helm chart", () => {
    expect(read("infra/helm/sluice/rules.yml")).toBe(read("infra/prometheus/rules.yml"));
  });

  it.skipIf(!promtool)(`fire in promtool's tests, and only then${why}`, () => {
    execFileSync("promtool", ["check", "rules", "infra/prometheus/rules.yml"], { cwd: ROOT });
    execFileSync("promtool", ["test", "rules", "rules.test.yml"], { cwd: join(ROOT, "infra/prometheus") });
    const config = ["check", "config", "--syntax-only", "infra/prometheus/prometheus.yml"];
    execFileSync("promtool", config, { cwd: ROOT });
  });
});

describe("docs/metrics.md", () => {
  it.skipIf(!promtool)(`has a scrape configuration that Prometheus takes${why}`, () => {
    const [, snippet = ""] = /^```yaml\n([\s\S]*?)\n```$/m.exec(read("docs/metrics.md")) ?? [];
    const folder = mkdtempSync(join(tmpdir(), "sluice-scrape-"));
    writeFileSync(join(folder, "prometheus.yml"), snippet);
    const { status, stdout, stderr } = spawnSync(
      "promtool",
      ["check", "config", join(folder, "prometheus.yml")],
      { encoding: "utf8" },
    );
    rmSync(folder, { recursive: true, force: true });
    expect(snippet).toContain("relabel_configs");
    expect([status, status === 0 ? "" : stdout + stderr]).toEqual([0, ""]);
  });
});

describe("dashboards", () => {
  it("are the fleet's, a region's, a tenant's and a pool's, each with an id of its own", () => {
    expect(dashboards.map(({ dashboard }) => dashboard.uid).sort()).toEqual([
      "sluice-fleet",
      "sluice-pool",
      "sluice-region",
      "sluice-tenant",
    ]);
    for (const { dashboard } of dashboards) {
      const ids = dashboard.panels.map(({ id }) => id);
      expect(new Set(ids).size).toBe(ids.length);
      const sources = new Set(
        dashboard.panels.flatMap(({ targets }) => targets.map(({ datasource }) => datasource.uid)),
      );
      expect([...sources]).toEqual(["prometheus"]);
    }
    expect(read("infra/grafana/provisioning/datasources/prometheus.yml")).toContain("uid: prometheus");
  });

  it("use only variables that they have", () => {
    for (const { dashboard } of dashboards) {
      const names = new Set(dashboard.templating.list.map(({ name }) => name));
      const used = dashboard.panels.flatMap(({ targets }) =>
        targets.flatMap(({ expr }) => [...expr.matchAll(/\$(\w+)/g)].map(([, name = ""]) => name)),
      );
      expect(used.filter((name) => !names.has(name))).toEqual([]);
    }
  });

  it.skipIf(!promtool)(`are PromQL that promtool reads${why}`, () => {
    const folder = mkdtempSync(join(tmpdir(), "sluice-dashboards-"));
    const file = join(folder, "dashboards.yml");
    const asRules = expressions.map(({ expr }, i) => ({
      record: `panel:${i}`,
      expr: expr.replace(/\$\w+/g, ".*"),
    }));
    writeFileSync(file, stringify({ groups: [{ name: "dashboards", rules: asRules }] }));
    const { status, stdout, stderr } = spawnSync("promtool", ["check", "rules", "--lint=none", file], {
      encoding: "utf8",
    });
    rmSync(folder, { recursive: true, force: true });
    expect([status, status === 0 ? "" : stdout + stderr]).toEqual([0, ""]);
  });
});
