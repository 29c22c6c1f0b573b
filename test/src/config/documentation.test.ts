import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { variableFor } from '../../../src/config/environment.ts';
import { valueSchemas } from '../../../src/config/schema.ts';
import { configOf, problemsOf } from './loading.ts';

const text = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');
const rows = text.split('\n').filter((line) => line.startsWith('| `'));

describe('docs/configuration.md', () => {
  test.each([...valueSchemas.keys()])('has a row for %s with its variable', (key) => {
    const row = rows.find((line) => line.startsWith(`| \`${key}\` |`));
    expect(row).toContain(`\`${variableFor(key)}\``);
  });

  test('promises defaults that hold when they are written out', () => {
    const defaults = rows.flatMap((line) => {
      const [, key = '', value = ''] = /^\| `([a-zA-Z.]+)` \| `([^`$]+)`/.exec(line) ?? [];
      return valueSchemas.has(key) && !value.startsWith('[') ? [[key, value] as const] : [];
    });
    expect(defaults.length).toBeGreaterThan(25);
    const env = Object.fromEntries(
      // Any key of this group turns it on.
      defaults
        .filter(([key]) => !key.startsWith('tls.acme.'))
        .map(([key, value]) => [variableFor(key), value]),
    );
    expect(configOf({ env })).toEqual(configOf({}));
  });

  test('shows a file that is valid', () => {
    const yaml = /```yaml\n([\s\S]*?)```/.exec(text)?.[1] ?? '';
    expect(yaml).toContain('consul:');
    expect(problemsOf({ yaml, files: { '/run/secrets/consul': 'token' } })).toEqual([]);
  });
});
