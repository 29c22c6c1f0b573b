/** The instruments of the benchmarks, as far as they are pure, and that the quickest of them runs. No timing is judged. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { readOptions as readConvergenceOptions } from '../../bench/convergence/options.ts';
import { convergenceText } from '../../bench/convergence/result.ts';
import { parseApplied } from '../../bench/convergence/router.ts';
import { parseResult, wrkScript } from '../../bench/load/wrk.ts';
import {
  cpuSeconds,
  descendants,
  parseCpuList,
  parseRss,
  parseStat,
  rssBytes,
} from '../../bench/machine/proc.ts';
import { readOptions } from '../../bench/options.ts';
import { report } from '../../bench/report.ts';
import { median, quantile, summarise } from '../../bench/stats.ts';
import { figure, ratio, textTable, whole } from '../../bench/text-table.ts';
import { type ClosedSample, sampleOf } from '../../bench/works/closed.ts';
import { type ClosedWork, works } from '../../bench/works.ts';

const closed = (name: string): ClosedWork => works.find((work) => work.name === name) as ClosedWork;

describe('statistics', () => {
  test('interpolate between neighbours', () => {
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(quantile([10, 20, 30], 0.25)).toBe(15);
    expect(summarise([5, 1, 3])).toEqual({ count: 3, min: 1, median: 3, p90: 4.6, p99: 4.96, max: 5 });
  });

  test('of nothing are not numbers', () => {
    expect(summarise([])).toMatchObject({ count: 0, median: Number.NaN });
  });
});

describe('/proc', () => {
  test('stat is read past a name with spaces and parentheses', () => {
    const text = '42 (a (b) c) S 7 42 42 0 -1 4194560 1 2 3 4 150 50 20 10 20 0 3 0 99 1 2';
    expect(parseStat(text)).toEqual({ pid: 42, parent: 7, ticks: 200, endedTicks: 30 });
  });

  test('a tree is everything below its root', () => {
    const of = (pid: number, parent: number) => ({ pid, parent, ticks: 0, endedTicks: 0 });
    const all = [of(9, 4), of(1, 0), of(4, 2), of(2, 1), of(3, 1)];
    expect(descendants(all, 2).map(({ pid }) => pid)).toEqual([2, 4, 9]);
    expect(descendants(all, 77)).toEqual([]);
  });

  test('sizes and lists of CPUs', () => {
    expect(parseRss('00-ff ---p [rollup]\nRss:     1234 kB\nPss:  1 kB\n')).toBe(1234 * 1024);
    expect(parseCpuList('0-2,5\n')).toEqual([0, 1, 2, 5]);
  });

  test('this process has used some of both', () => {
    expect(cpuSeconds(process.pid)).toBeGreaterThan(0);
    expect(rssBytes(process.pid)).toBeGreaterThan(1024 * 1024);
  });
});

describe('tables', () => {
  test('are Markdown with aligned columns', () => {
    expect(
      textTable(
        ['what', 'µs'],
        [
          ['a', '1.00'],
          ['longer', '12.0'],
        ],
      ),
    ).toBe(['| what   |   µs |', '| ------ | ---: |', '| a      | 1.00 |', '| longer | 12.0 |'].join('\n'));
  });

  test('figures have about three digits', () => {
    expect([0.1234, 12.345, 1234.5, Number.NaN].map(figure)).toEqual(['0.12', '12.3', '1235', '–']);
    expect(whole(1234567)).toBe('1 234 567');
    expect([ratio(3, 2), ratio(3, undefined), ratio(3, 0)]).toEqual(['1.50×', '–', '–']);
  });
});

describe('load', () => {
  test('the result of wrk is found, and nothing else taken for one', () => {
    expect(parseResult('RESULT 1000 2000000 3')).toEqual({ requests: 1000, seconds: 2, errors: 3 });
    expect(() => parseResult('RESULT 1000')).toThrow('not a result');
  });

  test('scripts say what is asked', () => {
    expect(wrkScript(closed('post4k'))).toContain('string.rep("x", 4096)');
    expect(wrkScript(closed('connect'))).toContain('"Connection"] = "close"');
    expect(wrkScript(closed('small'))).not.toContain('function request');
    expect(wrkScript(closed('routes10k'))).toContain('% 10000');
  });

  test('idle cost has been subtracted from what is divided', () => {
    expect(sampleOf({ requests: 1000, seconds: 2, errors: 0 }, 0.5)).toMatchObject({
      ...{ cpuMicros: 500, perSecond: 500, busy: 0.25 },
    });
  });
});

describe('the report', () => {
  const sample = (cpuMicros: number): ClosedSample =>
    sampleOf({ requests: 1e6, seconds: 1, errors: 0 }, cpuMicros);
  const row = (name: string, ...micros: number[]) => ({ name, samples: micros.map(sample), fault: null });
  const rows = [
    row('nginx', 20, 22, 21),
    row('fairlead', 30, 28, 42),
    { ...row('caddy'), fault: 'wrong answers: x' },
  ];

  test('gives medians, ratios, goals and those that failed', () => {
    const text = report({
      facts: [['Node', '24']],
      works: [{ kind: 'closed', work: closed('small'), rows }],
      notes: [],
    });
    expect(text).toMatch(/\| fairlead +\| +30\.0 \| 28\.0–42\.0 \|.* 1\.43× \|/);
    expect(text).toContain('* caddy was not measured: wrong answers: x');
    expect(text).toMatch(/small: CPU ÷ nginx +\| +≤ 1\.5× \| +1\.43× \| +met/);
  });

  test('of a convergence gives both directions and failures', () => {
    const flip = { floor: 1, answered: 3, sent: 2 };
    const text = convergenceText({
      ...{ services: 3, workers: 2, mode: 'per-service', loadPerSecond: 500, probesPerSecond: 4000 },
      ...{ requests: 10, failed: 1, failures: { '503': 1 }, rssBytes: 2 ** 20, appliedMs: 1.5 },
      ...{ out: [flip], back: [flip] },
    });
    expect(text).toMatch(/out: last answer − floor +\| +2\.00/);
    expect(text).toContain('failed requests: 1 of 10 (1 × 503)');
  });

  test("the router's own figure is found among its metrics", () => {
    const metrics = 'fairlead_convergence_seconds_sum 0.5\nfairlead_convergence_seconds_count 100\n';
    expect(parseApplied(metrics)).toEqual({ sum: 0.5, count: 100 });
  });
});

describe('flags', () => {
  test('choose works and contestants; only the full set is written', () => {
    const chosen = readOptions(['--work', 'small,idle', '--only', 'fairlead', '--seconds', '5']);
    expect(chosen?.works.map(({ name }) => name)).toEqual(['small', 'idle']);
    expect(chosen).toMatchObject({ seconds: 5, rounds: 3, write: false });
    expect(readOptions([])).toMatchObject({ write: true });
    expect(readOptions(['--quick'])).toMatchObject({ rounds: 1, write: false });
    expect(readOptions(['--help'])).toBeNull();
  });

  test('that are wrong are named', () => {
    expect(() => readOptions(['--work', 'tiny'])).toThrow('--work: tiny is none of small');
    expect(() => readOptions(['--seconds', '0'])).toThrow('--seconds: 0');
    expect(() => readConvergenceOptions(['--flips', 'x'])).toThrow('--flips: x');
  });
});

test('bench/table.ts prints its tables', { timeout: 60_000 }, async () => {
  const program = fileURLToPath(new URL('../../bench/table.ts', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [program, '--quick']);
  expect(stdout).toMatch(/\| hosts +\| +100 000 \|/);
  expect(stdout).toMatch(/\| planner, news and commit +\| routes \|/);
});

test('bench/certificates.ts prints its tables', { timeout: 60_000 }, async () => {
  const program = fileURLToPath(new URL('../../bench/certificates.ts', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [program, '--quick']);
  expect(stdout).toMatch(/^\| 100 .* \(0\) \|.* \(100\) \|/m);
  expect(stdout).toMatch(/^\| 10 names asked +\| +100 \|/m);
  expect(stdout).toMatch(/contexts made before a handshake +\| +≤ 0 +\| +0\.00 \| +met/);
});
