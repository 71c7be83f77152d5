/**
 * The `options` parameter: words parted by blanks, a backslash takes the next character as it is
 * (`pg_split_opts`); `-c name=value`, `-cname=value` and `--name=value` are settings, dashes in names are
 * underscores. What stands there without a dash, `reference=x` or `reference=x&type=read`, is read too, since
 * Supavisor's users write it so.
 */
export function parseStartupOptions(text: string): ReadonlyMap<string, string> {
  const settings = new Map<string, string>();
  const words = splitWords(text.includes("%3D") ? text.replaceAll("%3D", "=") : text);
  const put = (word: string): void => {
    const equals = word.indexOf("=");
    if (equals > 0)
      settings.set(word.slice(0, equals).replaceAll("-", "_").toLowerCase(), word.slice(equals + 1));
  };
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? "";
    if (word === "-c") {
      i += 1;
      put(words[i] ?? "");
    } else if (word.startsWith("--")) {
      put(word.slice(2));
    } else if (word.startsWith("-c")) {
      put(word.slice(2));
    } else if (!word.startsWith("-")) {
      for (const part of word.split("&")) put(part);
    }
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
