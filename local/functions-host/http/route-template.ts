/** ASP.NET Core route templates as far as functions use them: literals, {name}, {name?}, {name=default}, {*rest}, {name:constraint}. */
export interface RouteTemplate {
  /** @returns route values (undefined ones left out), or undefined when the path does not match */
  match(segments: readonly string[]): Record<string, string> | undefined;
}

interface Parameter {
  name: string;
  catchAll: boolean;
  optional: boolean;
  fallback: string | undefined;
  constraints: ((value: string) => boolean)[];
}

interface Segment {
  pattern: RegExp;
  parameters: Parameter[];
}

const integer = /^[+-]?\d+$/;

function inRange(value: string, low: number, high: number): boolean {
  return integer.test(value) && Number(value) >= low && Number(value) <= high;
}

function constraint(text: string): (value: string) => boolean {
  const [, name = text, inside = ''] = /^([a-z]+)\((.*)\)$/i.exec(text) ?? [];
  const [first = Number.NaN, second = first] = inside.split(',').map(Number);
  switch (name.toLowerCase()) {
    case 'int':
      return (value) => inRange(value, -(2 ** 31), 2 ** 31 - 1);
    case 'long':
      return (value) => integer.test(value);
    case 'bool':
      return (value) => /^(true|false)$/i.test(value);
    case 'guid':
      return (value) => /^\{?[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}\}?$/i.test(value);
    case 'alpha':
      return (value) => /^[a-z]*$/i.test(value);
    case 'decimal':
    case 'double':
    case 'float':
      return (value) => value.trim() !== '' && Number.isFinite(Number(value));
    case 'datetime':
      return (value) => !Number.isNaN(Date.parse(value));
    case 'length':
      return (value) => value.length >= first && value.length <= second;
    case 'minlength':
      return (value) => value.length >= first;
    case 'maxlength':
      return (value) => value.length <= first;
    case 'min':
      return (value) => integer.test(value) && Number(value) >= first;
    case 'max':
      return (value) => integer.test(value) && Number(value) <= first;
    case 'range':
      return (value) => inRange(value, first, second);
    case 'regex': {
      const pattern = new RegExp(inside.replaceAll('{{', '{').replaceAll('}}', '}').replaceAll('\\\\', '\\'), 'i');
      return (value) => pattern.test(value);
    }
    case 'required':
      return (value) => value !== '';
    default:
      throw new Error(`unknown route constraint "${text}"`);
  }
}

/** Splits `a:b(x:y):c` at the colons outside parentheses. */
function splitConstraints(text: string): string[] {
  const parts: string[] = [''];
  let depth = 0;
  for (const character of text) {
    if (character === '(') depth += 1;
    if (character === ')') depth -= 1;
    if (character === ':' && depth === 0) parts.push('');
    else parts[parts.length - 1] += character;
  }
  return parts;
}

function parameter(inside: string): Parameter {
  const catchAll = inside.startsWith('*');
  const [head = '', ...rest] = splitConstraints(inside.replace(/^\*+/, ''));
  const whole = [head, ...rest].join(':');
  const optional = whole.endsWith('?');
  const [nameText = '', fallback] = head.replace(/\?$/, '').split('=', 2);
  return {
    name: nameText,
    catchAll,
    optional,
    fallback,
    constraints: rest.map((text) => constraint(text.replace(/\?$/, ''))),
  };
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/** Literals match in any casing. */
function segment(text: string): Segment {
  const parameters: Parameter[] = [];
  let pattern = '';
  let literal = '';
  for (let index = 0; index < text.length; index += 1) {
    if (text[index] !== '{') {
      literal += text[index];
      continue;
    }
    let depth = 1;
    let end = index + 1;
    while (end < text.length && depth > 0) {
      if (text[end] === '{') depth += 1;
      if (text[end] === '}') depth -= 1;
      end += 1;
    }
    parameters.push(parameter(text.slice(index + 1, end - 1)));
    pattern += `${escape(literal)}(.*)`;
    literal = '';
    index = end - 1;
  }
  return { pattern: new RegExp(`^${pattern}${escape(literal)}$`, 'is'), parameters };
}

/** Splits at slashes outside braces, so that a regex constraint may hold one. */
function splitSegments(route: string): string[] {
  const parts = [''];
  let depth = 0;
  for (const character of route) {
    if (character === '{') depth += 1;
    if (character === '}') depth -= 1;
    if (character === '/' && depth === 0) parts.push('');
    else parts[parts.length - 1] += character;
  }
  return parts.filter((part) => part !== '');
}

function satisfies({ constraints }: Parameter, value: string): boolean {
  return constraints.every((holds) => holds(value));
}

function matchSegment({ pattern, parameters }: Segment, text: string, values: Record<string, string>): boolean {
  const found = pattern.exec(text);
  if (found === null) return false;
  return parameters.every((one, index) => {
    const value = found[index + 1] ?? '';
    if (value === '' || !satisfies(one, value)) return false;
    values[one.name] = value;
    return true;
  });
}

/** @throws Error on an unknown constraint */
export function parseRoute(route: string): RouteTemplate {
  const segments = splitSegments(route).map(segment);
  return {
    match: (path) => {
      const values: Record<string, string> = {};
      for (const [index, one] of segments.entries()) {
        const [first] = one.parameters;
        if (first?.catchAll === true) {
          const rest = path.slice(index).join('/');
          if (!satisfies(first, rest)) return undefined;
          if (rest !== '' || first.fallback !== undefined) values[first.name] = rest || (first.fallback ?? '');
          return values;
        }
        const text = path[index];
        if (text === undefined) {
          if (first === undefined || one.parameters.length > 1 || !(first.optional || first.fallback !== undefined))
            return undefined;
          if (first.fallback !== undefined) values[first.name] = first.fallback;
        } else if (!matchSegment(one, text, values)) return undefined;
      }
      return path.length > segments.length ? undefined : values;
    },
  };
}
