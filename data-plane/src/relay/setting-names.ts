/** What SET and RESET call by other names. */
export function settingNamed(word: string): string {
  switch (word) {
    case "time":
      return "timezone";
    case "names":
      return "client_encoding";
    case "schema":
      return "search_path";
    case "session":
    case "authorization":
      return "session_authorization";
    default:
      return word.toLowerCase();
  }
}
