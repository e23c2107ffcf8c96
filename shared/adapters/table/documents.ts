/** A string property holds 64 KiB of UTF-16, an entity 1 MiB: https://learn.microsoft.com/azure/storage/tables/scalability-targets */
const charactersPerProperty = 32_000;

/** Characters of JSON a document may have: as UTF-16 just under the service's 1 MiB for an entity. */
export const maximumDocument = 500_000;

const outsideAscii = /[\u007f-\uffff]/g;

/**
 * The JSON text of a document, with everything outside ASCII escaped: a pair may then be cut anywhere, and the emulator, which decodes
 * each piece of a request by itself, cannot garble a character that lies across two. Such a character counts as six.
 * @throws RangeError when the value is not JSON or is larger than a row store holds
 */
export function documentText(value: unknown): string {
  const json = JSON.stringify(value) as string | undefined;
  if (json === undefined) throw new RangeError('A document must be a JSON value.');
  const text = json.replace(outsideAscii, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
  if (text.length > maximumDocument) {
    throw new RangeError(
      `A document must be at most ${maximumDocument} characters of JSON; this one has ${text.length}.`,
    );
  }
  return text;
}

/** Spreads the text over the properties `d0`, `d1`, …; `n` says how many there are. */
export function toProperties(text: string): Record<string, string | number> {
  const count = Math.ceil(text.length / charactersPerProperty);
  const properties: Record<string, string | number> = { n: count };
  for (let index = 0; index < count; index++) {
    properties[`d${index}`] = text.slice(index * charactersPerProperty, (index + 1) * charactersPerProperty);
  }
  return properties;
}

/** @throws Error when the entity was not written by toProperties */
export function fromProperties(properties: Readonly<Record<string, unknown>>): string {
  const { n } = properties;
  const parts = Array.from({ length: typeof n === 'number' ? n : 0 }, (_, index) => properties[`d${index}`]);
  if (parts.length === 0 || !parts.every((part) => typeof part === 'string')) {
    throw new Error('The entity is not a document of this product.');
  }
  return parts.join('');
}
