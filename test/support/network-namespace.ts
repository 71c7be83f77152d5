import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { messageOf } from "@sluice/shared/errors";

/** Both ends of a pair of virtual network devices. */
export interface Wire {
  readonly here: string;
  readonly there: string;
}

/** How packets are lost: by the kernel's emulator, with the delay, or by the firewall, which can only drop. */
type LossyBy = "netem" | "nftables";

/** Where administrators' programs are is not in everybody's path. */
const OPTIONS = {
  timeout: 10_000,
  env: { ...process.env, PATH: `${process.env.PATH ?? ""}:/usr/sbin:/sbin` },
};
const FIREWALL = "sluice_loss";

/**
 * A network of its own on this machine, for processes that are to be far away, with two wires to it: `far`, which may be
 * slow and lose packets, and `near`, which does not, for what is not the matter of a test. Linux, root only.
 */
export class NetworkNamespace {
  readonly far: Wire;
  readonly near: Wire;
  readonly #name: string;
  readonly #devices: { readonly far: string; readonly near: string };
  #lossyBy: LossyBy | undefined;

  private constructor(number: number) {
    this.#name = `sluice-${number}`;
    this.#devices = { far: `slf${number}`, near: `sln${number}` };
    const block = number % 250;
    const wire = (third: number): Wire => ({
      here: `10.${203 + third}.${block}.1`,
      there: `10.${203 + third}.${block}.2`,
    });
    [this.far, this.near] = [wire(0), wire(1)];
  }

  /** Why this machine cannot have one that loses packets; undefined: it can. */
  static async missing(): Promise<string | undefined> {
    if (process.platform !== "linux" || process.getuid?.() !== 0) return "needs Linux and root";
    try {
      const probe = await NetworkNamespace.make(process.pid + 1);
      try {
        await probe.lose(1, 0);
      } finally {
        await probe.remove();
      }
      return undefined;
    } catch (error) {
      return `needs network namespaces, and netem or nftables: ${messageOf(error).split("\n").slice(0, 2).join(" ")}`;
    }
  }

  static async make(number = process.pid): Promise<NetworkNamespace> {
    const namespace = new NetworkNamespace(number);
    try {
      await run("ip", ["netns", "add", namespace.#name]);
      await namespace.#inside("ip", "link", "set", "lo", "up");
      await namespace.#join(namespace.#devices.far, namespace.far);
      await namespace.#join(namespace.#devices.near, namespace.near);
      return namespace;
    } catch (error) {
      await namespace.remove();
      throw error;
    }
  }

  /** In front of a command it makes it run there. */
  get startedBy(): readonly string[] {
    return ["ip", "netns", "exec", this.#name];
  }

  /**
   * From now on the far wire loses packets, in both directions, and is slow where this kernel can make it so.
   * @param delayMs one way
   * @returns whether packets are late
   */
  async lose(percent: number, delayMs: number): Promise<boolean> {
    const device = this.#devices.far;
    const emulator = ["root", "netem", "delay", `${delayMs}ms`, "loss", `${percent}%`];
    try {
      await run("tc", ["qdisc", "add", "dev", device, ...emulator]);
      await this.#inside("tc", "qdisc", "add", "dev", device, ...emulator);
      this.#lossyBy = "netem";
      return true;
    } catch {
      await this.#loseByFirewall(percent);
      this.#lossyBy = "nftables";
      return false;
    }
  }

  /** How many packets were lost on the way there and back. */
  async lost(): Promise<number> {
    const device = this.#devices.far;
    if (this.#lossyBy === "netem") {
      const here = await run("tc", ["-s", "qdisc", "show", "dev", device]);
      const there = await this.#inside("tc", "-s", "qdisc", "show", "dev", device);
      return sumOf(/dropped (\d+)/g, here + there);
    }
    return sumOf(/packets (\d+)/g, await this.#inside("nft", "list", "table", "inet", FIREWALL));
  }

  /** Processes that are there have to have ended. */
  async remove(): Promise<void> {
    // The devices go with it.
    await run("ip", ["netns", "delete", this.#name]).catch(() => undefined);
  }

  async #join(device: string, { here, there }: Wire): Promise<void> {
    const peer = ["peer", "name", device, "netns", this.#name];
    await run("ip", ["link", "add", device, "type", "veth", ...peer]);
    await run("ip", ["address", "add", `${here}/30`, "dev", device]);
    await run("ip", ["link", "set", device, "up"]);
    await this.#inside("ip", "address", "add", `${there}/30`, "dev", device);
    await this.#inside("ip", "link", "set", device, "up");
  }

  async #loseByFirewall(percent: number): Promise<void> {
    const device = this.#devices.far;
    const dropping = `numgen random mod 100 < ${percent} counter drop`;
    const rules = [
      `add table inet ${FIREWALL}`,
      `add chain inet ${FIREWALL} coming { type filter hook input priority 0; }`,
      `add chain inet ${FIREWALL} going { type filter hook output priority 0; }`,
      `add rule inet ${FIREWALL} coming iifname ${device} ${dropping}`,
      `add rule inet ${FIREWALL} going oifname ${device} ${dropping}`,
    ];
    for (const rule of rules) await this.#inside("nft", rule);
  }

  #inside(...command: readonly string[]): Promise<string> {
    const [program = "", ...args] = [...this.startedBy, ...command];
    return run(program, args);
  }
}

/** @returns what it wrote */
async function run(program: string, args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(program, args, OPTIONS);
  return stdout;
}

function sumOf(pattern: RegExp, text: string): number {
  return [...text.matchAll(pattern)].reduce((sum, [, count]) => sum + Number(count), 0);
}
