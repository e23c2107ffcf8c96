import type { Secret } from '../secret.ts';

const redacted = '[redacted]';

/** Shorter ones would blank out ordinary words; the patterns still catch them where they look like secrets. */
const shortestRemembered = 4;
/** Values kept; the oldest go first. One process reads few secrets, again and again. */
const mostRemembered = 500;

/** Characters that are looked at; what follows is dropped. Log lines and errors are shorter. */
const longestText = 20_000;

export interface Scrubber {
  /** The text without what is, or looks like, a secret. It may take too much; it must not take too little. */
  scrub(text: string): string;
  /** From now on this value is taken out wherever it appears. */
  remember(secret: Secret): void;
}

const secretWords =
  'password|passwd|pwd|psw|pgpassword|account_?key|access_?key|shared_?secret|client_?secret|client_?assertion|' +
  'access_?token|refresh_?token|id_?token|api_?key|x-identity-header|identity_header|secret_?value';

/** `Password=…;`, `"password": "…"`, `PGPASSWORD=…`: quoted values to their closing quote, others to the end of the element. */
const assignment = new RegExp(
  `((?<![\\w-])["']?[\\w-]*(?:${secretWords})["']?\\s*[=:]\\s*)("(?:[^"\\\\]|\\\\.|"")*"?|'(?:[^'\\\\]|\\\\.|'')*'?|[^;\\r\\n]*)`,
  'gi',
);

const patterns: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, redacted],
  // To the last @ before a space: a password may hold @, : and / that nobody encoded.
  [/(?<![a-z0-9+.-])([a-z][a-z0-9+.-]*:\/\/[^\s:/?#@]*:)\S*(?=@)/gi, `$1${redacted}`],
  [/\b(Bearer|Basic|SharedKey(?:Lite)?)\s+[\w.~+/=:-]{8,}/gi, `$1 ${redacted}`],
  [/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, redacted],
  [/([?&;\s](?:sig|signature|code|token)=)[^&\s"';]+/gi, `$1${redacted}`],
  [assignment, `$1${redacted}`],
];

export function createScrubber(): Scrubber {
  const values = new Set<string>();
  return {
    scrub(text) {
      let clean = text.slice(0, longestText);
      for (const value of values) clean = clean.replaceAll(value, redacted);
      for (const [pattern, replacement] of patterns) clean = clean.replace(pattern, replacement);
      return clean;
    },
    remember(secret) {
      for (const value of spellingsOf(secret.expose())) {
        // Taken out and put back, so that one in use is never the oldest.
        values.delete(value);
        values.add(value);
      }
      for (const value of values) {
        if (values.size <= mostRemembered) break;
        values.delete(value);
      }
    },
  };
}

/** As it is, and as it stands in a URI, in JSON and inside the quotes of SQL and of connection strings. Longest first. */
function spellingsOf(value: string): string[] {
  if (value.length < shortestRemembered) return [];
  const spellings = [
    value,
    encodeURIComponent(value.toWellFormed()),
    JSON.stringify(value).slice(1, -1),
    value.replaceAll("'", "''"),
    value.replaceAll('"', '""'),
    Buffer.from(value).toString('base64'),
  ];
  return [...new Set(spellings)].sort((one, other) => other.length - one.length);
}
