import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { clearStaging, newFile } from "./new-file.js";

describe("a new file", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "sluice-new-file-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const options = (make: (staged: string) => void) => ({ mode: 0o400, uid: undefined, make });

  it("has its name once it is whole, and only then", async () => {
    const path = join(folder, "service", "key");
    await newFile(
      path,
      options((staged) => {
        writeFileSync(staged, "all of it");
        expect(readdirSync(join(folder, "service"))).not.toContain("key");
      }),
    );
    expect(readFileSync(path, "utf8")).toBe("all of it");
    expect(statSync(path).mode & 0o777).toBe(0o400);
    expect(readdirSync(join(folder, "service"))).toEqual(["key"]);
  });

  it("replaces nothing, even what came while it was made", async () => {
    const path = join(folder, "key");
    await newFile(
      path,
      options((staged) => {
        writeFileSync(path, "the first");
        writeFileSync(staged, "the second");
      }),
    );
    expect(readFileSync(path, "utf8")).toBe("the first");
    expect(readdirSync(folder)).toEqual(["key"]);
  });

  it("leaves nothing when it cannot be made", async () => {
    const failing = options(() => {
      throw new Error("no room");
    });
    await expect(newFile(join(folder, "key"), failing)).rejects.toThrow("no room");
    expect(readdirSync(folder)).toEqual([]);
  });

  it("that was killed is cleared away, and nothing else", () => {
    mkdirSync(join(folder, ".new-abc"));
    writeFileSync(join(folder, ".new-abc", "file"), "half");
    writeFileSync(join(folder, "key"), "whole");
    clearStaging(folder);
    expect(readdirSync(folder)).toEqual(["key"]);
  });
});
