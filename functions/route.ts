import type { HttpMethod } from '@azure/functions';
import type { Role } from './auth/caller.ts';
import type { Handler } from './call.ts';

export interface Route {
  /** Function name. Where two templates fit one path, the host takes the function whose name sorts first (reference: README of the host). */
  readonly name: string;
  readonly method: HttpMethod;
  /** Route template, without a leading slash. */
  readonly template: string;
  readonly role: Role;
  /** Name of the operation in roles, audit log and operations list. */
  readonly operation: string;
  /** What the operation does, for the operations list. */
  readonly summary: string;
  /** Whether the request changes something or makes the service act: then it is audited. */
  readonly mutation: boolean;
  readonly body: 'none' | 'required';
  /** A path that is not known says so whatever the version. */
  readonly versionless?: true;
  readonly handler: Handler;
}

/** Whether a path fits a template: literals in any casing, each `{name}` one segment. */
export function fitsTemplate(template: string, path: string): boolean {
  const wanted = template.split('/');
  const segments = path.replace(/^\/+|\/+$/g, '').split('/');
  return (
    segments.length === wanted.length &&
    wanted.every((part, index) => {
      const segment = segments[index] ?? '';
      return part.startsWith('{') ? segment !== '' : part.toLowerCase() === segment.toLowerCase();
    })
  );
}

type Row = [
  name: string,
  method: HttpMethod,
  template: string,
  role: Role,
  operation: string,
  summary: string,
  handler: Handler,
];

/** Changes nothing. */
export const read = (...[name, method, template, role, operation, summary, handler]: Row): Route => ({
  name,
  method,
  template,
  role,
  operation: `Microsoft.DataProtection/${operation}`,
  summary,
  mutation: false,
  body: 'none',
  handler,
});

/** Changes nothing, but is asked with a body. */
export const ask = (...row: Row): Route => ({ ...read(...row), body: 'required' });

/** A mutation with a body. */
export const write = (...row: Row): Route => ({ ...read(...row), mutation: true, body: 'required' });

/** A mutation that takes no body. */
export const act = (...row: Row): Route => ({ ...read(...row), mutation: true });
