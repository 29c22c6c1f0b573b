/**
 * `npm test`: sets the machine up, runs vitest, and ends with one line of counts that scripts can rely on.
 * Arguments go to vitest, such as a part of a path: `npm test -- router`.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { provision } from './provision.ts';

/** The part we use of vitest's JSON report. */
interface Report {
  numTotalTests: number;
  numPassedTests: number;
  numFailedTests: number;
  testResults: { name: string; status: string; assertionResults: { status: string }[] }[];
}

const root = fileURLToPath(new URL('..', import.meta.url));

await provision();
const folder = await mkdtemp(join(tmpdir(), 'fairlead-test-'));
const file = join(folder, 'report.json');
const code = await vitest(['--reporter=default', '--reporter=json', `--outputFile.json=${file}`]);
const report = await readReport();
await rm(folder, { recursive: true, force: true });
process.exitCode = summarise(report, code);

/** Its exit code; a death by signal counts as 1. */
async function vitest(args: string[]): Promise<number> {
  const command = [join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...args, ...process.argv.slice(2)];
  const child = spawn(process.execPath, command, { cwd: root, stdio: 'inherit' });
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  // A terminal sends it to both of us, and vitest takes a second one for impatience.
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'));
  return new Promise((resolve) => child.on('close', (exit) => resolve(exit ?? 1)));
}

async function readReport(): Promise<Report | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as Report);
}

/** Prints what the counts alone would hide, then the counts as the very last line; returns the exit code. */
function summarise(result: Report | undefined, exit: number): number {
  if (result === undefined) return say('The tests ended without a report.', [0, 1, 0], exit || 1);
  const { numTotalTests: total, numPassedTests: passed, testResults } = result;
  // A file that fails outside of its tests (import, hook) counts as one failure.
  const broken = testResults.filter(({ status, assertionResults }) => {
    return status === 'failed' && !assertionResults.some((assertion) => assertion.status === 'failed');
  });
  const failed = result.numFailedTests + broken.length;
  const counts: Counts = [passed, failed, total - passed - result.numFailedTests];
  if (total === 0 && failed === 0)
    return say('No test ran: nothing matches the selection.', counts, exit || 1);
  if (exit !== 0 && failed === 0)
    return say('Something failed outside of the tests.', [passed, 1, counts[2]], exit);
  const names = broken.map(({ name }) => `Failed outside of its tests: ${name}`).join('\n');
  return say(names, counts, exit);
}

type Counts = [passed: number, failed: number, skipped: number];

function say(text: string, [passed, failed, skipped]: Counts, exit: number): number {
  const counts = `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
  process.stdout.write(`${text === '' ? '' : `${text}\n`}${counts}\n`);
  return exit;
}
