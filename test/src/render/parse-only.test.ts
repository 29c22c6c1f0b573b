import { expect, test, vi } from 'vitest';
import { render } from '../../../src/commands/render.ts';
import { createSource } from '../../../src/render/create-source.ts';
import { folder } from './loading.ts';

test('-parse-only tells what is wrong with every template, and where, without a Consul', async () => {
  const told: string[] = [];
  const spy = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    told.push(String(text).trim());
    return true;
  });
  const dir = folder({
    'good.ctmpl': '{{ range service "web" }}{{ .Address }}{{ end }}',
    'open.ctmpl': 'a\n{{ if true }}\n',
    'unknown.ctmpl': 'a\n\n{{ nope "x" }}',
    'old.ctmpl': '{{ key_or_default "a" "b" }}',
    'c.hcl': 'template { contents = "a\\n{{ nope }}" destination = "x" }',
    'vault.ctmpl': '{{ secret "a" }}',
  });
  const names = ['good', 'open', 'unknown', 'old', 'vault', 'none'];
  const args = names.flatMap((name) => ['-template', `${dir}/${name}.ctmpl:${dir}/${name}`]);
  const nobody = ['-consul-addr', '127.0.0.1:1', '-min-instances', 'web=1'];
  try {
    expect(await render(['-parse-only', ...nobody, ...args, '-config', `${dir}/c.hcl`], createSource)).toBe(
      14,
    );
  } finally {
    spy.mockRestore();
    process.stdout.removeAllListeners('error');
  }
  expect(told).toEqual([
    expect.stringMatching(/c\.hcl:1:\d+: line 2 of it: .*nope/),
    `fairlead: ${dir}/open.ctmpl:3: unexpected EOF`,
    `fairlead: ${dir}/unknown.ctmpl:3: function "nope" not defined`,
    expect.stringMatching(/old\.ctmpl:1: function "key_or_default" not defined: .*keyOrDefault/),
    expect.stringMatching(/vault\.ctmpl:1: .*secret/),
    expect.stringMatching(/cannot read .*none\.ctmpl/),
  ]);
});
