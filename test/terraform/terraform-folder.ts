import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { installInto, SOURCE } from "@sluice/terraform-provider/commands/mirror";
import { composeProvider } from "@sluice/terraform-provider/compose";
import { readConfig } from "@sluice/terraform-provider/config";
import { type Provider, providerMethods } from "@sluice/terraform-provider/framework";
import { PluginServer } from "@sluice/terraform-provider/protocol";
import { type RunOptions, type RunOutcome, runTerraform } from "./terraform-run.js";

/**
 * How terraform comes to the provider. `attached`: it runs in the test's own process, which costs no start. `mirror`: it
 * is installed, found by `init`, and started by terraform for each command, as with users.
 */
export type Reach = "attached" | "mirror";

/** As terraform fmt writes it. */
export const REQUIRED_PROVIDERS = `terraform {
  required_providers {
    sluice = { source = "${SOURCE}" }
  }
}
`;

/** A folder with a configuration and its state, and terraform in it. */
export class TerraformFolder {
  readonly folder = mkdtempSync(join(tmpdir(), "sluice-terraform-"));
  readonly #reach: Reach;
  readonly #servers: PluginServer[] = [];
  #env: Record<string, string> = {};

  private constructor(reach: Reach) {
    this.#reach = reach;
  }

  /**
   * @param variables what the provider's environment has, such as `SLUICE_TOKEN`
   * @param others more providers to be attached, by their source
   */
  static async make(
    reach: Reach,
    variables: Readonly<Record<string, string>> = {},
    others: Readonly<Record<string, Provider<undefined>>> = {},
  ): Promise<TerraformFolder> {
    const made = new TerraformFolder(reach);
    made.#env = {
      PATH: process.env.PATH ?? "",
      HOME: made.folder,
      TF_CLI_CONFIG_FILE: made.write("terraform.rc", made.#cliConfig()),
      TF_IN_AUTOMATION: "1",
      ...variables,
    };
    if (reach === "attached") {
      const attached: Record<string, unknown> = {
        [SOURCE]: await made.#attach(composeProvider(readConfig(variables))),
      };
      for (const [source, provider] of Object.entries(others))
        attached[source] = await made.#attach(provider);
      made.#env.TF_REATTACH_PROVIDERS = JSON.stringify(attached);
    } else installInto(made.mirror);
    return made;
  }

  get mirror(): string {
    return join(this.folder, "mirror");
  }

  /** The state's file as it lies on disk. */
  get stateText(): string {
    return readFileSync(join(this.folder, "terraform.tfstate"), "utf8");
  }

  /** @returns its whole path */
  write(name: string, text: string): string {
    const path = join(this.folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return path;
  }

  /** The whole configuration: a terraform block, and what is given. */
  configure(text: string): void {
    this.write("main.tf", `${REQUIRED_PROVIDERS}${text}`);
  }

  run(args: readonly string[], options: Partial<RunOptions> = {}): Promise<RunOutcome> {
    const { env = {}, ...others } = options;
    return runTerraform([...args, "-no-color"], {
      cwd: this.folder,
      ...others,
      env: { ...this.#env, ...env },
    });
  }

  /** @returns what it wrote @throws with that when it fails */
  async ok(...args: readonly string[]): Promise<string> {
    const { code, output } = await this.run(args);
    if (code !== 0) throw new Error(`terraform ${args.join(" ")} ended with ${code}:\n${output}`);
    return output;
  }

  apply(...args: readonly string[]): Promise<string> {
    return this.ok("apply", "-auto-approve", "-input=false", ...args);
  }

  /** @returns what it wrote when it fails, on one line @throws when it succeeds */
  async fails(...args: readonly string[]): Promise<string> {
    const { code, output } = await this.run(args);
    if (code === 0) throw new Error(`terraform ${args.join(" ")} succeeded:\n${output}`);
    // Terraform breaks lines and draws a frame: neither is the provider's.
    return output.replaceAll(/[│╷╵]/g, "").replaceAll(/\s+/g, " ");
  }

  /** Whether there is nothing to do. */
  async planIsEmpty(): Promise<boolean> {
    const { code, output } = await this.run(["plan", "-detailed-exitcode", "-input=false"]);
    if (code === 0) return true;
    if (code === 2) return false;
    throw new Error(`terraform plan ended with ${code}:\n${output}`);
  }

  /** The plan as JSON: by address, what is done and how it will be. */
  async plan(...args: readonly string[]): Promise<Plan> {
    await this.ok("plan", "-input=false", "-out=the.plan", ...args);
    return JSON.parse(await this.ok("show", "-json", "the.plan")) as Plan;
  }

  async outputs(): Promise<Readonly<Record<string, unknown>>> {
    const shown = JSON.parse(await this.ok("output", "-json")) as Readonly<
      Record<string, { value: unknown }>
    >;
    return Object.fromEntries(Object.entries(shown).map(([name, { value }]) => [name, value]));
  }

  remove(): void {
    for (const server of this.#servers) server.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** @returns what terraform has to know of it */
  async #attach<C>(provider: Provider<C>): Promise<unknown> {
    const server = await PluginServer.listen({ methods: providerMethods(provider), folder: this.folder });
    this.#servers.push(server);
    return {
      Protocol: "grpc",
      ProtocolVersion: 6,
      Pid: process.pid,
      Test: true,
      Addr: { Network: "unix", String: server.socket },
    };
  }

  #cliConfig(): string {
    const checkpoint = "disable_checkpoint = true\n";
    if (this.#reach === "attached") return checkpoint;
    const host = SOURCE.split("/")[0];
    return `${checkpoint}provider_installation {
  filesystem_mirror {
    path    = "${this.mirror}"
    include = ["${host}/*/*"]
  }
}
`;
  }
}

export interface Plan {
  readonly resource_changes?: readonly {
    readonly address: string;
    readonly change: {
      readonly actions: readonly string[];
      readonly before: Readonly<Record<string, unknown>> | null;
      readonly after: Readonly<Record<string, unknown>> | null;
    };
  }[];
}

/** What a plan does to each address that it does something to. */
export function actionsOf(plan: Plan): Readonly<Record<string, string>> {
  const changes = (plan.resource_changes ?? []).map(({ address, change }) => [
    address,
    change.actions.join(","),
  ]);
  return Object.fromEntries(changes.filter(([, actions]) => actions !== "no-op"));
}
