/** What the Azure SDKs' errors have in common, read structurally: each SDK bundles classes of its own. */
interface SdkErrorShape {
  readonly name?: unknown;
  readonly code?: unknown;
  readonly statusCode?: unknown;
  readonly details?: unknown;
  readonly cause?: unknown;
}

const shapeOf = (value: unknown): SdkErrorShape => (typeof value === 'object' && value !== null ? value : {});

const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

/** HTTP status of the answer, undefined when there was none. */
export function statusOf(error: unknown): number | undefined {
  const { statusCode } = shapeOf(error);
  return typeof statusCode === 'number' ? statusCode : undefined;
}

/**
 * The service's own code (`TableNotFound`, `BlobNotFound`, `SecretDisabled`), or the system's (`ECONNREFUSED`) when there was no answer.
 * Tables carry it in the OData body, Blob in a header, Key Vault in the error's inner error.
 */
export function codeOf(error: unknown): string | undefined {
  const { code, details, cause } = shapeOf(error);
  const body = shapeOf(details) as { odataError?: unknown; errorCode?: unknown };
  return (
    textOf(shapeOf(body.odataError).code) ??
    textOf(body.errorCode) ??
    textOf(code) ??
    (cause === undefined ? undefined : codeOf(cause))
  );
}

/** `403 AuthorizationPermissionMismatch`, `ECONNREFUSED`: enough to act on, and free of URLs, headers and signatures. */
export function describeSdkError(error: unknown): string {
  const parts = [statusOf(error), codeOf(error)].filter((part) => part !== undefined);
  if (parts.length > 0) return parts.join(' ');
  const name = textOf(shapeOf(error).name);
  return name === 'AbortError' || name === 'TimeoutError' ? 'no answer in time' : (name ?? 'unknown failure');
}
