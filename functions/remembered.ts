/** Makes a value when it is first asked for and keeps it; a failure is not kept, so the next call tries again. */
export function remembered<T>(make: () => Promise<T>): () => Promise<T> {
  let value: Promise<T> | undefined;
  return () => {
    value ??= make().catch((error: unknown) => {
      value = undefined;
      throw error;
    });
    return value;
  };
}
