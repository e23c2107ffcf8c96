import { describe, expect, test } from 'vitest';
import { parseRoute } from '../../../local/functions-host/http/route-template.ts';
import { pathSegments } from '../../../local/functions-host/http/route-table.ts';

function match(route: string, path: string): Record<string, string> | undefined {
  const segments = pathSegments(path);
  return segments === undefined ? undefined : parseRoute(route).match(segments);
}

describe('route templates', () => {
  test.for<[string, string, Record<string, string> | undefined]>([
    ['a/{b}/{c?}', '/a/1', { b: '1' }],
    ['a/{b}/{c?}', '/A/1/2/', { b: '1', c: '2' }],
    ['a/{b}/{c?}', '/a', undefined],
    ['a/{b}/{c?}', '/a/1/2/3', undefined],
    ['a/{b=x}', '/a', { b: 'x' }],
    ['ui/{*path}', '/ui', {}],
    ['ui/{*path}', '/ui/a/b.js', { path: 'a/b.js' }],
    ['{x:maxlength(0)?}', '/', {}],
    ['{x:maxlength(0)?}', '/a', undefined],
    ['n/{n:int}', '/n/-5', { n: '-5' }],
    ['n/{n:int}', '/n/99999999999', undefined],
    ['n/{n:long}', '/n/99999999999', { n: '99999999999' }],
    ['n/{n:min(3):max(5)}', '/n/4', { n: '4' }],
    ['n/{n:min(3):max(5)}', '/n/6', undefined],
    ['w/{w:alpha:length(2,3)}', '/w/ab', { w: 'ab' }],
    ['w/{w:alpha:length(2,3)}', '/w/abcd', undefined],
    ['d/{d:datetime}', '/d/2026-01-02', { d: '2026-01-02' }],
    ['b/{b:bool}', '/b/TRUE', { b: 'TRUE' }],
    ['r/{r:regex(^[[a-z]]{{2}}$)}', '/r/zz', undefined],
    ['r/{r:regex(^a/b|c$)}', '/r/c', { r: 'c' }],
    ['files/{name}.{extension}', '/files/a.b.txt', { name: 'a.b', extension: 'txt' }],
    ['files/{name}.{extension}', '/files/none', undefined],
    ['v1.0/{x}', '/v1x0/1', undefined],
    ['a/{b}', '//a/1', undefined],
    ['a/{b}', '/a//1', undefined],
    ['a/{b}', '/a/x%20y%2Fz%3D', { b: 'x y%2Fz=' }],
    ['a/{b}', '/a/%252F', { b: '%2F' }],
    ['a/{b}', '/a/50%', { b: '50%' }],
  ])('%s against %s', ([route, path, values]) => {
    expect(match(route, path)).toEqual(values);
  });

  test('an unknown constraint is an error at the start', () => {
    expect(() => parseRoute('a/{b:wat}')).toThrow('unknown route constraint "wat"');
  });
});
