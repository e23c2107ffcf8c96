import { VaultError } from '../../shared/domain/errors.ts';
import type { Handler } from '../call.ts';
import type { Route } from '../route.ts';
import { fitsTemplate } from '../route.ts';

/** Answers what no route takes: 405 where the path is known under other methods, else 404. */
export const unknownPath =
  (routes: () => readonly Route[]): Handler =>
  async (call) => {
    const resource = call.path.slice(0, 300);
    const methods = routes().flatMap(({ method, template }) => (fitsTemplate(template, call.path) ? [method] : []));
    if (methods.length === 0) throw new VaultError('ResourceNotFound', { resource });
    throw new VaultError('MethodNotAllowed', { resource, method: call.method, allowed: methods.join(', ') });
  };
