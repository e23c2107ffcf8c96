import type { RegisteredFunction } from '../app/functions-core.ts';
import { parseRoute, type RouteTemplate } from './route-template.ts';

export interface HttpRoute {
  fn: RegisteredFunction;
  name: string;
  route: string;
  methods: string[];
  authLevel: 'anonymous' | 'function' | 'admin';
  template: RouteTemplate;
}

function compareNames(one: string, other: string): number {
  const [left, right] = [one.toLowerCase(), other.toLowerCase()];
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

/** Routes in the order the host tries them: alphabetical by function name, not by how specific they are. */
export function buildRoutes(functions: readonly RegisteredFunction[], prefix: string): HttpRoute[] {
  const routes = functions.flatMap((fn): HttpRoute[] => {
    const trigger = Object.values(fn.metadata.bindings).find(({ type }) => type.toLowerCase() === 'httptrigger');
    if (trigger === undefined) return [];
    const { name } = fn.metadata;
    const own = String(trigger['route'] ?? name).replace(/^\/+/, '');
    const route = [prefix.replace(/^\/+|\/+$/g, ''), own].filter((part) => part !== '').join('/');
    const methods = ((trigger['methods'] as string[] | undefined) ?? ['GET', 'POST']).map((method) =>
      method.toUpperCase(),
    );
    const authLevel = String(trigger['authLevel'] ?? 'anonymous').toLowerCase() as HttpRoute['authLevel'];
    return [{ fn, name, route, methods, authLevel, template: parseRoute(route) }];
  });
  return routes.sort((one, other) => compareNames(one.name, other.name));
}

/** Undoes percent-encoding once, but leaves an encoded slash as it is written. */
function decodeSegment(text: string): string {
  return text
    .split(/(%2f)/i)
    .map((part) => {
      if (/^%2f$/i.test(part)) return part;
      try {
        return decodeURIComponent(part);
      } catch {
        return part; // not an encoding: the text itself
      }
    })
    .join('');
}

/**
 * Path segments for matching; an empty first segment (`//x`) matches nothing.
 * @returns undefined when no route can match
 */
export function pathSegments(pathname: string): string[] | undefined {
  const parts = pathname.slice(1).split('/');
  if (parts.length > 1 && parts[0] === '') return undefined;
  if (parts.at(-1) === '') parts.pop();
  return parts.map(decodeSegment);
}

export function findRoute(
  routes: readonly HttpRoute[],
  method: string,
  pathname: string,
): { route: HttpRoute; values: Record<string, string> } | undefined {
  const segments = pathSegments(pathname);
  if (segments === undefined) return undefined;
  for (const route of routes) {
    if (!route.methods.includes(method)) continue;
    const values = route.template.match(segments);
    if (values !== undefined) return { route, values };
  }
  return undefined;
}
