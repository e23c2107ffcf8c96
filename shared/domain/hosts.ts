/** Host names and addresses as datasources and secrets write them. */

export interface Host {
  /** Lower-case, without the dot of the root; IPv6 without brackets. */
  host: string;
  port?: number;
}

const label = '[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?';
const nameForm = new RegExp(`^${label}(?:\\.${label})*$`);
const ipv6Form = /^(?=.*:.*:)[0-9a-f:.]{2,45}(?:%[a-z0-9]{1,15})?$/;

/** One spelling of a host: lower-case, no brackets, no dot at the end. */
export const normalHost = (host: string): string =>
  host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '');

const readPort = (digits: string | undefined): number | undefined => {
  const port = Number(digits);
  return digits !== undefined && /^\d{1,5}$/.test(digits) && port >= 1 && port <= 65_535 ? port : undefined;
};

/**
 * Reads `host`, `host:port`, `[v6]:port`, a bare IPv6 address, or `postgres://host:port[/…]`. Undefined for anything else, a user or
 * password before the host included.
 */
export function parseHost(text: string): Host | undefined {
  const authority = /^(?:postgres(?:ql)?:\/\/)([^/?#]*)/i.exec(text)?.[1] ?? text;
  const lower = authority.toLowerCase();
  const bare = normalHost(lower);
  if (ipv6Form.test(bare) && (lower === bare || lower.startsWith('['))) return { host: bare };
  const [, bracketed, name, digits] = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(.*))?$/.exec(lower) ?? [];
  const host = normalHost(bracketed ?? name ?? '');
  const isValid = bracketed === undefined ? host.length <= 253 && nameForm.test(host) : ipv6Form.test(host);
  if (!isValid) return undefined;
  if (digits === undefined) return { host };
  const port = readPort(digits);
  return port === undefined ? undefined : { host, port };
}

export const formatHost = ({ host, port }: Host): string => {
  if (port === undefined) return host;
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
};

/** Whether a server's name is itself a host name or address (it has a dot, or is IPv6), rather than the name of an Azure resource. */
export const isHostName = (serverName: string): boolean => {
  const parsed = parseHost(serverName);
  return parsed !== undefined && (parsed.host.includes('.') || parsed.host.includes(':'));
};
