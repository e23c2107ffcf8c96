import { parse } from '@tediousjs/connection-string';
import type { Connection } from '../../ports.ts';
import type { Part } from './keywords.ts';
import { keywordOf } from './keywords.ts';

export interface ConnectionParts {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly sslMode?: Connection['sslMode'];
}

/** What is wrong with a connection string. The text never holds a value, nor a keyword that is not known: it may be half a password. */
export class ConnectionStringFault extends Error {
  override readonly name = 'ConnectionStringFault';
}

const fault = (detail: string) => new ConnectionStringFault(detail);

/**
 * Parses an ADO.NET connection string for PostgreSQL, every spelling of the keywords accepted. Its database is not looked at: the
 * datasource names it.
 * @throws ConnectionStringFault
 */
export function parseConnectionString(text: string): ConnectionParts {
  const parts = partsOf(text);
  const { host, port } = hostAndPort(required(parts, 'server', 'Server'), parts.get('port'));
  const sslMode = parts.get('sslMode');
  return {
    host,
    port,
    user: required(parts, 'user', 'User Id'),
    password: required(parts, 'password', 'Password'),
    ...(sslMode === undefined ? {} : { sslMode: sslModeOf(sslMode) }),
  };
}

function partsOf(text: string): Map<Part, string> {
  const parts = new Map<Part, string>();
  for (const [index, [key, value]] of [...elementsOf(text)].entries()) {
    // The library leaves empty elements at the front of the keyword that follows.
    const keyword = keywordOf(key.replace(/^[\s;]+/, ''));
    if (!keyword)
      throw fault(`the keyword at place ${index + 1} is not known (a value with a semicolon must be in quotes).`);
    if (keyword.kind === 'refused') throw fault(`the keyword '${keyword.name}' is not allowed.`);
    if (keyword.kind === 'harmless') continue;
    if (parts.has(keyword.part)) throw fault(`the ${nameOf[keyword.part]} is given twice, in two spellings.`);
    parts.set(keyword.part, value);
  }
  return parts;
}

const nameOf: Readonly<Record<Part, string>> = {
  server: 'Server',
  port: 'Port',
  database: 'Database',
  user: 'User Id',
  password: 'Password',
  sslMode: 'SslMode',
};

/**
 * The library reads a few forms otherwise than ADO.NET does: an empty value swallows the element after it, a doubled semicolon is one
 * in the value, braces are quotes, and an element without `=` is dropped. A password read wrongly would be a wrong password, so
 * these are put right where that cannot hit a quoted value, and refused where it could.
 */
function elementsOf(text: string): Iterable<[string, string]> {
  if (/^\s*[a-z][a-z0-9+.-]*:\/\//i.test(text)) throw fault('it is a URI.');
  if (/(^|;)[^;=]*=\s*\{/.test(text)) throw fault('a value that begins with a brace must be in quotes.');
  const quoted = /["']/.test(text);
  if (quoted && /;\s*;|(^|;)[^;=]*=\s*;/.test(text)) throw fault('it has an empty element or value: leave it out.');
  const plain = quoted ? text : text.replace(/(^|;)[^;=]*=\s*(?=;|$)/g, '$1').replace(/;(\s*;)+/g, ';');
  const last = plain.slice(plain.lastIndexOf(';') + 1);
  if (last.trim() !== '' && !/[="']/.test(last)) {
    throw fault('an element has no = (a value with a semicolon must be in quotes).');
  }
  try {
    return parse(plain).entries();
  } catch {
    // The library's error is not kept as a cause: what it says about the text is not ours to judge.
    throw fault('its quotes are not balanced, or text follows a quoted value.');
  }
}

function required(parts: ReadonlyMap<Part, string>, part: Part, name: string): string {
  const value = parts.get(part);
  if (!value) throw fault(`it has no ${name}.`);
  if (value.includes('\0')) throw fault(`the ${name} holds a NUL character.`);
  return value;
}

const hostName = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_]([a-z0-9_-]{0,62}))*\.?$/i;

/** `host`, `host:port`, `[v6]:port` or a bare IPv6 address. A port beside the host wins, as it does in Npgsql. */
function hostAndPort(server: string, separate: string | undefined): { host: string; port: number } {
  if (server.includes(',')) throw fault('it names several servers; one is expected.');
  if (/^[/@]/.test(server)) throw fault('the Server is a socket of this machine; a host name or address is expected.');
  const [, bracketed, plain, beside] = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]+))(?::(\d+))?$/i.exec(server) ?? [];
  const host = bracketed ?? plain ?? (/^[0-9a-f:.]+$/i.test(server) ? server : '');
  const isAddress = bracketed !== undefined || plain === undefined;
  if (!(isAddress ? URL.canParse(`http://[${host}]`) : hostName.test(host))) {
    throw fault('the Server is not a host name or address.');
  }
  return { host, port: portOf(beside ?? separate) };
}

function portOf(text: string | undefined): number {
  if (text === undefined || text === '') return 5432;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65_535) throw fault('the Port is not a number from 1 to 65535.');
  return port;
}

const sslModes: Readonly<Record<string, Connection['sslMode']>> = {
  disable: 'disable',
  allow: 'allow',
  prefer: 'prefer',
  require: 'require',
  verifyca: 'verify-ca',
  verifyfull: 'verify-full',
};

function sslModeOf(text: string): Connection['sslMode'] {
  const mode = sslModes[text.toLowerCase().replace(/[\s_-]/g, '')];
  if (mode) return mode;
  throw fault('the SslMode is none of Disable, Allow, Prefer, Require, VerifyCA, VerifyFull.');
}
