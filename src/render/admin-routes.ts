import { type AdminAnswer, type AdminHandler, metricsAnswer, textAnswer } from '../control/admin.ts';
import { type Family, Metrics } from '../control/metrics.ts';
import type { RenderCounts, RenderView } from './views.ts';

/** What the admin listener tells of. */
export interface RenderState {
  views(): readonly RenderView[];
  counts(): RenderCounts;
  /** Failed reads of Consul by kind. */
  consulErrors(): ReadonlyMap<string, number>;
  consulAgeMs(): number | null;
}

/** What the renderer's admin listener answers, by path; what the router has too means the same here. */
export function renderRoutes(state: RenderState): ReadonlyMap<string, AdminHandler> {
  const metrics = new Metrics(families(state));
  return new Map<string, AdminHandler>([
    ['/health', () => textAnswer(200, 'OK')],
    ['/ready', (url) => ready(state, url.searchParams.has('verbose'))],
    ['/metrics', () => metricsAnswer(metrics)],
    ['/api/renders', () => ({ status: 200, body: { renders: state.views() } })],
  ]);
}

/** Ready means that every file was right once; what fails later keeps its old file, and is told by the views. */
function ready(state: RenderState, isVerbose: boolean): AdminAnswer {
  const views = state.views();
  const waiting = views.filter(({ settledMsAgo }) => settledMsAgo === null);
  const status = views.length > 0 && waiting.length === 0 ? 200 : 503;
  if (!isVerbose) return textAnswer(status, status === 200 ? 'ready' : 'not ready');
  const reasons = waiting.map(({ template, result, reason, missing }) =>
    [template, reason ?? result ?? 'not looked at yet', ...missing].join(': '),
  );
  return { status, body: { ready: status === 200, reasons } };
}

function families(state: RenderState): readonly Family[] {
  const perTemplate = (name: string, help: string, value: (view: RenderView) => number | null): Family => ({
    name,
    help,
    type: 'gauge',
    read: () =>
      state.views().flatMap((view) => {
        const read = value(view);
        return read === null ? [] : [{ value: read, labels: { template: view.template } }];
      }),
  });
  return [
    {
      name: 'renders_total',
      help: 'Evaluations of templates by what they came to',
      type: 'counter',
      *read() {
        // What a reload has taken out of the configuration is told no more.
        const present = new Set(state.views().map(({ template }) => template));
        for (const { template, result, count } of state.counts())
          if (present.has(template)) yield { value: count, labels: { template, result } };
      },
    },
    perTemplate('render_missing', 'Answers that a template waits for', ({ missing }) => missing.length),
    perTemplate('render_settled_age_seconds', 'Since the file was last right', ({ settledMsAgo }) =>
      settledMsAgo === null ? null : settledMsAgo / 1000,
    ),
    {
      name: 'consul_errors_total',
      help: 'Failed reads of Consul',
      type: 'counter',
      read: () => Array.from(state.consulErrors(), ([kind, value]) => ({ value, labels: { kind } })),
    },
    {
      name: 'catalog_age_seconds',
      help: 'Since the last successful answer of Consul',
      type: 'gauge',
      read: () => {
        const ageMs = state.consulAgeMs();
        return ageMs === null ? [] : [{ value: ageMs / 1000, labels: {} }];
      },
    },
    perTemplate('render_failing', '1 while the last attempt came to nothing', ({ reason }) =>
      reason === null ? 0 : 1,
    ),
  ];
}
