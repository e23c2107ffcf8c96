/**
 * Keys of Azure Table storage. The service refuses `/ \ # ?` and control characters in PartitionKey and RowKey, and clients are known to
 * disagree on `%`, so those are written as `!` and two hex digits; `!` itself is `!21`.
 *
 * Order: keys made of letters, digits and `- . _ : | ~ { }` and the like are stored as they are and sort bytewise. An escaped
 * character sorts where `!` does, before all of these.
 */
const unsafe = /[!%/\\#?\u0000-\u001f\u007f-\u009f]/g;

/** A key may be 1 KiB, which the service counts in UTF-16. */
const maximumLength = 512;

/** @throws RangeError for a key that cannot be stored: empty, malformed Unicode, or longer than 512 characters when escaped. */
export function encodeKey(key: string): string {
  if (key === '' || !key.isWellFormed()) throw new RangeError('A row key must be well-formed text and not empty.');
  const encoded = encodeBound(key);
  if (encoded.length > maximumLength) {
    throw new RangeError(`A row key must be at most ${maximumLength} characters; this one has ${encoded.length}.`);
  }
  return encoded;
}

/** As encodeKey, for the bounds of a range, which need not be keys. */
export const encodeBound = (bound: string): string =>
  bound.replace(unsafe, (character) => `!${character.charCodeAt(0).toString(16).padStart(2, '0')}`);

export const decodeKey = (encoded: string): string =>
  encoded.replace(/!([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
