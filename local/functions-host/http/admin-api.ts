import path from 'node:path';
import type { RegisteredFunction } from '../app/functions-core.ts';
import type { ApiAnswer } from '../durable/management-api.ts';
import type { FunctionTable } from '../durable/function-table.ts';
import { buildRoutes } from './route-table.ts';

export interface AdminContext {
  functions: FunctionTable;
  routePrefix: string;
  appFolder: string;
  startedAt: number;
  /** Runs a timer now, in the background. */
  runTimer: (fn: RegisteredFunction) => void;
}

function compareNames(one: RegisteredFunction, other: RegisteredFunction): number {
  return one.metadata.name.toLowerCase() < other.metadata.name.toLowerCase() ? -1 : 1;
}

function functionView(context: AdminContext, fn: RegisteredFunction, host: string): Record<string, unknown> {
  const { name, bindings } = fn.metadata;
  const [route] = buildRoutes([fn], context.routePrefix);
  const base = `https://${host}/admin`;
  const scriptFile = path.basename(fn.file);
  return {
    name,
    script_root_path_href: null,
    script_href: `${base}/vfs${context.appFolder}/${scriptFile}`,
    config_href: null,
    test_data_href: `${base}/vfs${context.appFolder}/${name}.dat`,
    href: `${base}/functions/${name}`,
    invoke_url_template: route === undefined ? null : `https://${host}/${route.route}`,
    language: 'node',
    config: {
      name,
      entryPoint: '',
      scriptFile,
      language: 'node',
      functionDirectory: path.dirname(fn.file),
      bindings: Object.entries(bindings).map(([bindingName, binding]) => ({ ...binding, name: bindingName })),
    },
    files: null,
    test_data: '',
    isDisabled: false,
    isDirect: false,
    isProxy: false,
  };
}

function hostStatus(context: AdminContext): Record<string, unknown> {
  return {
    id: 'local-functions-host',
    state: 'Running',
    version: '4.1037.0.0',
    versionDetails: '4.1037.0',
    platformVersion: '',
    instanceId: '',
    computerName: '',
    processUptime: Date.now() - context.startedAt,
    functionAppContentEditingState: 'Unknown',
    extensionBundle: { id: 'Microsoft.Azure.Functions.ExtensionBundle', version: '4.99.0' },
  };
}

/** @returns undefined when the path is not one of the host's own admin routes (functions may have it) */
export function handleAdminRequest(
  context: AdminContext,
  method: string,
  segments: string[],
  host: string,
  body: string,
): ApiAnswer | undefined {
  const [, area = '', name = '', extra] = segments;
  if (area === 'host' && name === 'ping' && extra === undefined) {
    return { status: 200, headers: { 'Cache-Control': 'no-store,no-cache', Pragma: 'no-cache' } };
  }
  if (area === 'host' && name === 'status' && method === 'GET') return { status: 200, body: hostStatus(context) };
  if (area !== 'functions' || extra !== undefined) return undefined;
  if (name === '') {
    const all = [...context.functions.all].sort(compareNames);
    return method === 'GET' ? { status: 200, body: all.map((fn) => functionView(context, fn, host)) } : undefined;
  }
  const fn = context.functions.find(name);
  if (fn === undefined) return { status: 404 };
  if (method === 'GET') return { status: 200, body: functionView(context, fn, host) };
  return method === 'POST' ? runByHand(context, fn, body) : undefined;
}

function runByHand(context: AdminContext, fn: RegisteredFunction, body: string): ApiAnswer {
  if (body.trim() === '') return { status: 400 };
  const timer = context.functions.ofType('timerTrigger').includes(fn);
  if (!timer) return { status: 501, body: 'Only timers can be run by hand locally.' };
  context.runTimer(fn);
  return { status: 202 };
}
