import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  backupRunId,
  canonicalOperationId,
  decodeOperationId,
  encodeOperationId,
  operationRunId,
  restoreRunId,
} from '../../shared/domain/run-names.ts';

describe('operation ids', () => {
  it('are base64 of two GUIDs, as recorded from the service', () => {
    const recorded =
      'NGM4NGU0YTctYWFhYS00YWFhLThhYWEtYWFhYWFhYWFhYWFhOzExMTExMTExLTIyMjItMzMzMy00NDQ0LTU1NTU1NTU1NTU1NQ==';
    const parts = {
      operation: '4c84e4a7-aaaa-4aaa-8aaa-aaaaaaaaaaaa',
      subject: '11111111-2222-3333-4444-555555555555',
    };
    expect(decodeOperationId(recorded)).toEqual(parts);
    expect(encodeOperationId(parts)).toBe(recorded);
    expect(operationRunId(recorded)).toBe('operation:4c84e4a7-aaaa-4aaa-8aaa-aaaaaaaaaaaa');
  });

  it('survive the trip and fit into an orchestration id, without + and /', () => {
    const property = fc.property(fc.uuid(), fc.uuid(), (operation, subject) => {
      const id = encodeOperationId({ operation, subject });
      expect(id).toMatch(/^[A-Za-z0-9]{98}==$/);
      expect(decodeOperationId(id)).toEqual({ operation, subject });
      for (const spelled of [
        id,
        id.slice(0, -1),
        id.slice(0, -2),
        id.replaceAll('=', '%3D'),
        id.replaceAll('=', '%3d'),
      ]) {
        expect(canonicalOperationId(spelled)).toBe(id);
      }
    });
    fc.assert(property);
  });

  it('that are none are not taken for one', () => {
    const none = [
      '',
      'x',
      'a'.repeat(98),
      btoa('x;y'),
      btoa(`${'g'.repeat(36)};${'0'.repeat(36)}`),
      '../../etc/passwd',
    ];
    expect(none.map(decodeOperationId)).toEqual(none.map(() => undefined));
    expect(none.map(canonicalOperationId)).toEqual(none.map(() => undefined));
    expect(() => operationRunId('x')).toThrow(RangeError);
    expect(() => encodeOperationId({ operation: 'x', subject: 'y' })).toThrow(RangeError);
    fc.assert(fc.property(fc.string(), (text) => decodeOperationId(text) === undefined));
  });
});

describe('orchestration ids', () => {
  it('say what runs', () => {
    expect(backupRunId('0192f0c0-aaaa-7bbb-8ccc-dddddddddddd')).toBe('backup:0192f0c0-aaaa-7bbb-8ccc-dddddddddddd');
    expect(restoreRunId('0192f0c0-aaaa-7bbb-8ccc-dddddddddddd')).toBe('restore:0192f0c0-aaaa-7bbb-8ccc-dddddddddddd');
  });

  it('need no encoding and are not too long, whatever they are made of', () => {
    const property = fc.property(fc.string({ maxLength: 300 }), fc.string({ maxLength: 300 }), (a, b) => {
      expect(backupRunId(a)).toMatch(/^[A-Za-z0-9_.:=-]{1,100}$/);
      expect(backupRunId(a) === backupRunId(b)).toBe(a === b);
    });
    fc.assert(property);
  });
});
