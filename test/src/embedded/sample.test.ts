import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';

const SAMPLE = fileURLToPath(new URL('../../../src/embedded/sample.ts', import.meta.url));
const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

async function sample(name: string) {
  const child = spawn(process.execPath, [SAMPLE, '--name', name], { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  const [line] = await once(createInterface(child.stdout), 'line');
  const { port, pid } = JSON.parse(line) as { port: number; pid: number };
  return { child, pid, url: `http://127.0.0.1:${port}` };
}

test('says who answers, as text or as a page', async () => {
  const { child, pid, url } = await sample('blue<b>');
  expect(pid).toBe(child.pid);
  expect(await (await fetch(`${url}/some/path?q=1`)).text()).toBe(
    `Hello from blue<b> (pid ${pid}): /some/path?q=1\n`,
  );
  const page = await fetch(`${url}/%3Cscript%3E`, { headers: { accept: 'text/html' } });
  expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
  const html = await page.text();
  expect(html).toContain('Hello from blue&#60;b&#62;');
  expect(html).toContain(`pid ${pid}`);
  expect(await (await fetch(`${url}/health`)).text()).toBe('ok\n');
});

test('on SIGTERM stops accepting, finishes what runs, and ends', async () => {
  const { child, url } = await sample('green');
  const slow = fetch(`${url}/slow?ms=300`);
  await fetch(`${url}/health`);
  child.kill('SIGTERM');
  await expect
    .poll(() =>
      fetch(`${url}/health`).then(
        () => 'up',
        () => 'down',
      ),
    )
    .toBe('down');
  expect((await slow).status).toBe(200);
  const [code] = child.exitCode === null ? await once(child, 'exit') : [child.exitCode];
  expect(code).toBe(0);
});

test('ends when its parent closes its input', async () => {
  const { child } = await sample('red');
  const exited = once(child, 'exit');
  child.stdin!.end();
  expect((await exited)[0]).toBe(0);
});
