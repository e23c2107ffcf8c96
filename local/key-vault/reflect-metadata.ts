/**
 * The part of the Reflect metadata proposal that the certificate library's dependency injection asks for at load time.
 * Import this before `@peculiar/x509`. A complete polyfill that is already there is left alone.
 */
type Key = string | symbol;
interface MetadataApi {
  defineMetadata?: (key: Key, value: unknown, target: object) => void;
  getOwnMetadata?: (key: Key, target: object) => unknown;
  getMetadata?: (key: Key, target: object) => unknown;
}

const store = new WeakMap<object, Map<Key, unknown>>();

function getMetadata(key: Key, target: object): unknown {
  for (let each: object | null = target; each !== null; each = Object.getPrototypeOf(each) as object | null) {
    const own = store.get(each);
    if (own?.has(key) === true) return own.get(key);
  }
  return undefined;
}

const api = Reflect as MetadataApi;
if (api.getMetadata === undefined) {
  api.getMetadata = getMetadata;
  api.getOwnMetadata = (key, target) => store.get(target)?.get(key);
  api.defineMetadata = (key, value, target) => {
    const own = store.get(target) ?? new Map<Key, unknown>();
    store.set(target, own.set(key, value));
  };
}
