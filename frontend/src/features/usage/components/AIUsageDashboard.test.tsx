import limits from '@examples/get_rate_limits.json';
import records from '@examples/list_audit_logs.json';
import usage from '@examples/usage_stats.json';
import { screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { HttpResponse, http } from 'msw';
import * as csvFiles from '@/lib/csv';
import { render } from '@/testing/render';
import { API, problem, server } from '@/testing/server';
import { AIUsageDashboard } from './AIUsageDashboard';

const USAGE = `${API}/api/marketing/ai/usage-stats`;
const LIMITS = `${API}/api/marketing/ai/rate-limits`;
const RECORDS = `${API}/api/marketing/ai/audit-logs`;

// jsdom has no layout, so a chart would have no size. Show the chart's input instead.
vi.mock('./UsageChart', () => ({
  default: ({ points, name }: { points: readonly { value: number }[]; name: string }) => (
    <p>{`chart of ${name}: ${points.map((point) => point.value).join(' ')}`}</p>
  ),
}));

/** Return the documented usage for every period, changed by `changes`, and record the queries. */
function serveUsage(changes: (query: URLSearchParams) => object = () => ({})): string[] {
  const queries: string[] = [];
  server.use(
    http.get(USAGE, ({ request }) => {
      const { search, searchParams } = new URL(request.url);
      queries.push(search);
      return HttpResponse.json({ ...usage, ...changes(searchParams) });
    }),
  );
  return queries;
}

const figure = (name: string) =>
  within(screen.getByText(name, { selector: 'dt' }).parentElement as HTMLElement);

test('shows four totals and their change from the previous period', async () => {
  const queries = serveUsage((query) =>
    query.has('from')
      ? { totals: { ...usage.totals, requests: 4, costUsd: 0.00044, meanLatencyMs: null } }
      : {},
  );
  render(<AIUsageDashboard />);

  expect(await screen.findByText('25% more than the previous period')).toBeVisible();
  expect(queries).toEqual(['?period=week', '?from=2026-11-10&to=2026-11-16']);
  expect(figure('Requests').getByText('5')).toBeVisible();
  expect(figure('Tokens').getByText('1,227')).toBeVisible();
  expect(figure('Tokens').getByText('Same as the previous period')).toBeVisible();
  expect(figure('Cost').getByText('$0.00022')).toBeVisible();
  expect(figure('Cost').getByText('50% less than the previous period')).toBeVisible();
  expect(figure('Mean time').getByText('527 ms')).toBeVisible();
  expect(figure('Mean time').getByText('No previous period to compare with')).toBeVisible();
});

test('loads another period or a range of days', async () => {
  const queries = serveUsage();
  render(<AIUsageDashboard />);
  await userEvent.click(await screen.findByRole('radio', { name: '30 days' }));
  await waitFor(() => expect(queries).toContain('?period=month'));

  await userEvent.click(screen.getByRole('radio', { name: 'Other' }));
  await userEvent.type(screen.getByLabelText('From'), '2026-11-05');
  await userEvent.type(screen.getByLabelText('To'), '2026-11-01');
  expect(screen.getByText('The end is before the start')).toBeVisible();
  await userEvent.click(screen.getByRole('button', { name: 'Show' }));
  expect(queries).not.toContain('?from=2026-11-05&to=2026-11-01');

  await userEvent.clear(screen.getByLabelText('To'));
  await userEvent.type(screen.getByLabelText('To'), '2026-11-07');
  await userEvent.click(screen.getByRole('button', { name: 'Show' }));
  await waitFor(() => expect(queries).toContain('?from=2026-11-05&to=2026-11-07'));
});

test('shows the chosen metric per day as a chart and a table', async () => {
  serveUsage();
  render(<AIUsageDashboard />);
  const costs = usage.series.map((line) => line.costUsd).join(' ');
  expect(await screen.findByText(`chart of Cost: ${costs}`)).toBeVisible();

  await userEvent.click(screen.getByRole('combobox', { name: 'Show' }));
  await userEvent.click(await screen.findByRole('option', { name: 'Requests' }));
  const requests = usage.series.map((line) => line.requests).join(' ');
  expect(await screen.findByText(`chart of Requests: ${requests}`)).toBeVisible();

  const rows = within(screen.getByRole('table', { name: 'By day', hidden: true })).getAllByRole('row', {
    hidden: true,
  });
  expect(rows).toHaveLength(usage.series.length + 1);
  expect(rows[1]).toHaveTextContent('November 17');
});

test('breaks the usage down by provider, model and module', async () => {
  serveUsage();
  render(<AIUsageDashboard />);
  for (const [tab, lines] of [
    ['Provider', usage.byProvider],
    ['Model', usage.byModel],
    ['Module', usage.byModule],
  ] as const) {
    await userEvent.click(await screen.findByRole('tab', { name: tab }));
    const table = await screen.findByRole('table', { name: tab });
    expect(within(table).getAllByRole('row')).toHaveLength(lines.length + 1);
  }
});

test('shows a period with rejected requests only', async () => {
  const rejected = { ...usage.totals, requests: 0, rejections: 7 };
  const byProvider = [{ ...rejected, provider: null }];
  server.use(http.get(USAGE, () => HttpResponse.json({ ...usage, totals: rejected, byProvider })));
  render(<AIUsageDashboard />);
  const table = within(await screen.findByRole('table', { name: 'Provider' }));
  expect(table.getByRole('columnheader', { name: 'Rejected' })).toBeVisible();
  expect(table.getByRole('row', { name: /^No provider 0 .* 7 / })).toBeVisible();
});

test.each([
  [79.9, null],
  [80, 'Close to the limit.'],
  [100, 'Limit used up: new requests are rejected.'],
])('describes a limit used to %d percent', async (percent, warning) => {
  const windows = limits.windows.map((window) => ({ ...window, max: 1000, used: percent * 10, percent }));
  server.use(http.get(LIMITS, () => HttpResponse.json({ ...limits, windows })));
  render(<AIUsageDashboard />);

  expect(await screen.findAllByRole('meter')).toHaveLength(3);
  expect(screen.getAllByText(/^Resets .* GMT-3\.$/)).toHaveLength(3);
  expect(screen.queryAllByText(/Close to the limit|used up/)).toHaveLength(warning === null ? 0 : 3);
  if (warning !== null) expect(screen.getAllByText(warning)[0]).toBeVisible();
});

test('shows a window without a limit', async () => {
  const [window] = limits.windows;
  const unlimited = { ...window, max: null, left: null, percent: null, used: 12 };
  server.use(http.get(LIMITS, () => HttpResponse.json({ ...limits, windows: [unlimited] })));
  render(<AIUsageDashboard />);

  expect(await screen.findByText('12, no limit')).toBeVisible();
});

test('lists the last failures and fallbacks only', async () => {
  const [record] = records.items;
  const attempt = { ...record?.attempts[0], provider: 'openai', outcome: 'failed', errorCode: 'timeout' };
  const items = [
    record,
    { ...record, id: '1', provider: 'groq', status: 'answered', attempts: [attempt, record?.attempts[0]] },
    { ...record, id: '2', provider: 'openai', status: 'failed', errorCode: 'all_providers_failed' },
  ];
  server.use(http.get(RECORDS, () => HttpResponse.json({ items, nextCursor: null })));
  render(<AIUsageDashboard />);

  expect(await screen.findByText('OpenAI failed (no response in time); Groq responded')).toBeVisible();
  expect(screen.getByText('Failed at OpenAI: No provider responded.')).toBeVisible();
  const table = screen.getByRole('table', { name: 'Last failures and fallbacks' });
  expect(within(table).getAllByRole('row')).toHaveLength(3);
});

test('exports the shown usage as CSV', async () => {
  serveUsage();
  const download = vi.spyOn(csvFiles, 'downloadCsv').mockImplementation(() => {});
  render(<AIUsageDashboard />);
  await userEvent.click(await screen.findByRole('button', { name: 'Export CSV' }));

  const [name, text] = download.mock.calls[0] ?? [];
  expect(name).toBe('ai-usage-2026-11-17-2026-11-23.csv');
  const { series, byProvider, byModel, byModule } = usage;
  expect(text?.trimEnd().split('\r\n')).toHaveLength(
    1 + series.length + byProvider.length + byModel.length + byModule.length,
  );
});

test('explains a range that the API rejects', async () => {
  const errors = [{ field: 'to', message: 'must be on from or later', type: 'range' }];
  server.use(http.get(USAGE, () => problem(422, 'validation_failed', { errors })));
  render(<AIUsageDashboard />);
  const alert = await screen.findByRole('alert');
  expect(alert).toHaveTextContent('The range is at most 400 days and ends after it starts.');
  expect(alert).toHaveTextContent('req-1');
});

test('shows a hint and the limits for a period without usage', async () => {
  serveUsage(() => ({ totals: { ...usage.totals, requests: 0 } }));
  render(<AIUsageDashboard />);

  expect(await screen.findByText('No usage in this period.')).toBeVisible();
  expect(await screen.findAllByRole('meter')).toHaveLength(3);
});

test('shows an error with its request id, and the other parts', async () => {
  server.use(http.get(USAGE, () => problem(503, 'store_unavailable')));
  render(<AIUsageDashboard />);

  expect(await screen.findByRole('alert')).toHaveTextContent('req-1');
  expect(await screen.findAllByRole('meter')).toHaveLength(3);
});
