/**
 * The `options` parameter: words parted by blanks, a backslash takes the next character as it is
 * (`pg_split_opts`); `-c name=value`, `-cname=value` and `--name=value` are settings, dashes in names are
 * underscores. What stands there without a dash, `reference=x` or `reference=x&type=read`, is read too, since
 * Supavisor's users write it so.
 */
export function parseStartupOptions(text: string): ReadonlyMap<string, string> {
  const settings = new Map<string, string>();
  const words = splitWords(text.includes("%3D") ? text.replaceAll("%3D", "=") : text);
  for (let i = 0; i < words.length; i++) {
    let word = words[i] ?? "";
    if (!word.startsWith("-") && word.includes("&")) {
      words.splice(i, 1, ...word.split("&"));
      word = words[i] ?? "";
    }
    if (word === "-c") {
      i += 1;
      word = words[i] ?? "";
    } else if (word.startsWith("--")) {
      word = word.slice(2);
    } else if (word.startsWith("-c")) {
      word = word.slice(2);
    } else if (word.startsWith("-")) {
      continue;
    }
    const equals = word.indexOf("=");
    if (equals > 0)
      settings.set(word.slice(0, equals).replaceAll("-", "_").toLowerCase(), word.slice(equals + 1));
  }
  return settings;
}

function splitWords(text: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  for (let i = 0; i < text.length; i++) {
    const character = text[i] ?? "";
    if (character === "\\" && i + 1 < text.length) {
      i += 1;
      word = (word ?? "") + (text[i] ?? "");
    } else if (/\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? "") + character;
    }
  }
  if (word !== undefined) words.push(word);
  return words;
}
