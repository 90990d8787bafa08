import erasure from '@examples/erase_audit_content.json';
import exported from '@examples/export_audit_logs.json';
import record from '@examples/get_audit_log.json';
import records from '@examples/list_audit_logs.json';
import { screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { HttpResponse, http } from 'msw';
import { Route, Router } from 'wouter';
import { memoryLocation } from 'wouter/memory-location';
import { render } from '@/testing/render';
import { API, problem, server } from '@/testing/server';
import AuditPage from './AuditPage';

const LOGS = `${API}/api/marketing/ai/audit-logs`;

function open(path = '/audit', { isAdmin = true, filters = '' } = {}) {
  const { hook, searchHook } = memoryLocation({ path, searchPath: filters });
  return render(
    <Router hook={hook} searchHook={searchHook}>
      <Route path="/audit/:id?">
        <AuditPage isAdmin={isAdmin} />
      </Route>
    </Router>,
  );
}

/** The open tab. The other tabs are mounted but hidden. */
const openTab = () => within(screen.getByRole('tabpanel'));
const selectTab = (name: string) => userEvent.click(screen.getByRole('tab', { name }));

test('shows the newest records and loads older ones on request', async () => {
  const queries: string[] = [];
  server.use(
    http.get(LOGS, ({ request }) => {
      const { searchParams } = new URL(request.url);
      queries.push(searchParams.toString());
      const [first, ...others] = records.items;
      return HttpResponse.json(
        searchParams.has('cursor')
          ? { items: others, nextCursor: null }
          : { items: [first], nextCursor: 'next' },
      );
    }),
  );
  open();
  const table = within(await screen.findByRole('table', { name: 'Audit log' }));
  expect(table.getAllByRole('row')).toHaveLength(2);
  await userEvent.click(screen.getByRole('button', { name: 'Show older ones' }));
  await waitFor(() => expect(table.getAllByRole('row')).toHaveLength(1 + records.items.length));
  expect(queries).toEqual(['limit=25', 'limit=25&cursor=next']);
  expect(screen.queryByRole('button', { name: 'Show older ones' })).toBeNull();
});

test('filters by time, user, module, provider and status', async () => {
  const queries: URLSearchParams[] = [];
  server.use(
    http.get(LOGS, ({ request }) => {
      queries.push(new URL(request.url).searchParams);
      return HttpResponse.json({ items: [], nextCursor: null });
    }),
  );
  open();
  await userEvent.type(openTab().getByLabelText('From'), '2026-11-01T00:00');
  await userEvent.type(openTab().getByLabelText('User'), 'ana');
  await userEvent.type(openTab().getByLabelText('Module'), 'crm');
  await userEvent.click(screen.getByRole('combobox', { name: 'Provider' }));
  await userEvent.click(await screen.findByRole('option', { name: 'Groq' }));
  await userEvent.click(screen.getByRole('combobox', { name: 'Status' }));
  await userEvent.click(await screen.findByRole('option', { name: 'rejected' }));
  await userEvent.click(screen.getByRole('button', { name: 'Filter' }));
  await waitFor(() => expect(queries).toHaveLength(2));
  expect(Object.fromEntries(queries[1] ?? [])).toEqual({
    from: new Date('2026-11-01T00:00').toISOString(),
    userId: 'ana',
    module: 'crm',
    provider: 'groq',
    status: 'rejected',
    limit: '25',
  });
  expect(await screen.findByText('No records match these filters.')).toBeVisible();
  await userEvent.click(screen.getByRole('button', { name: 'Clear' }));
  expect(openTab().getByLabelText('User')).toHaveValue('');
});

test('keeps the filters in the address and after opening a record', async () => {
  const queries: string[] = [];
  server.use(
    http.get(LOGS, ({ request }) => {
      queries.push(new URL(request.url).searchParams.toString());
      return HttpResponse.json(records);
    }),
    http.get(`${LOGS}/:id`, () => HttpResponse.json(record)),
  );
  open('/audit', { filters: 'status=failed&provider=unknown&userId=ana' });
  await userEvent.click((await screen.findAllByRole('link'))[0] as HTMLElement);
  await userEvent.click(await screen.findByRole('link', { name: /All records/ }));
  expect(screen.getByRole('combobox', { name: 'Status' })).toHaveTextContent('failed');
  expect(openTab().getByLabelText('User')).toHaveValue('ana');
  expect(new Set(queries)).toEqual(new Set(['userId=ana&status=failed&limit=25']));
});

test('shows the error of a filter at its field', async () => {
  const errors = [{ field: 'userId', message: 'x', type: 'string_pattern_mismatch' }];
  server.use(http.get(LOGS, () => problem(422, 'validation_failed', { errors })));
  open('/audit', { filters: 'userId=a b' });
  expect(await screen.findByText('Has the wrong format.')).toBeVisible();
  expect(openTab().getByLabelText('User')).toBeInvalid();
});

test('offers users their own records without export and erasure', async () => {
  open('/audit', { isAdmin: false });
  expect(await screen.findByRole('table', { name: 'Audit log' })).toBeVisible();
  expect(screen.queryByLabelText('User')).toBeNull();
  expect(screen.queryByRole('tab')).toBeNull();
});

test('exports filtered records, shows progress and links the files', async () => {
  const sent: unknown[] = [];
  const file = { url: 'https://files.test/1', records: 12, bytes: 3400, expiresAt: exported.updatedAt };
  const responses = [
    { ...exported, status: 'running', records: 7 },
    { ...exported, status: 'done', records: 12, files: [file] },
  ];
  server.use(
    http.post(`${LOGS}/export`, async ({ request }) => {
      sent.push(await request.json());
      return HttpResponse.json(exported, { status: 202 });
    }),
    http.get(`${LOGS}/jobs/${exported.id}`, () => HttpResponse.json(responses.shift())),
  );
  open();
  await selectTab('Export');
  await userEvent.type(openTab().getByLabelText('Module'), 'crm');
  await userEvent.click(screen.getByRole('switch', { name: 'With prompts and completions' }));
  await userEvent.click(screen.getByRole('button', { name: 'Export records' }));
  expect(await screen.findByText('In progress. Records so far: 7.')).toBeVisible();
  expect(await screen.findByRole('link', { name: 'File with 12 records (3.4 kB)' })).toHaveAttribute(
    'href',
    file.url,
  );
  expect(sent).toEqual([
    {
      from: '1970-01-01T00:00:00Z',
      to: null,
      userId: null,
      provider: null,
      module: 'crm',
      status: null,
      content: true,
    },
  ]);
});

test('erases a user’s content after a confirmation', async () => {
  const erased: (string | null)[] = [];
  server.use(
    http.delete(LOGS, ({ request }) => {
      erased.push(new URL(request.url).searchParams.get('userId'));
      return HttpResponse.json(erasure, { status: 202 });
    }),
    http.get(`${LOGS}/jobs/${erasure.id}`, () =>
      HttpResponse.json({ ...erasure, status: 'done', records: 3 }),
    ),
  );
  open();
  await selectTab('Erase content');
  await userEvent.type(openTab().getByLabelText('User'), 'bia');
  const erase = { name: 'Erase content' };
  await userEvent.click(screen.getByRole('button', erase));
  const dialog = within(await screen.findByRole('alertdialog', { name: 'Erase the content of bia?' }));
  await userEvent.click(dialog.getByRole('button', { name: 'Cancel' }));
  expect(erased).toEqual([]);
  await userEvent.click(screen.getByRole('button', erase));
  await userEvent.click(within(await screen.findByRole('alertdialog')).getByRole('button', erase));
  expect(await screen.findByText('The content is erased. Records checked: 3.')).toBeVisible();
  expect(erased).toEqual(['bia']);
});

test.each([
  ['Export', 'post', `${LOGS}/export`, 'Export records'],
  ['Erase content', 'delete', LOGS, 'Erase content'],
] as const)('%s: explains why a job did not start', async (name, method, path, start) => {
  server.use(http[method](path, () => problem(429, 'limit_exceeded')));
  open();
  await selectTab(name);
  if (method === 'delete') await userEvent.type(openTab().getByLabelText('User'), 'bia');
  await userEvent.click(screen.getByRole('button', { name: start }));
  const confirm = screen.queryByRole('alertdialog');
  if (confirm !== null) await userEvent.click(within(confirm).getByRole('button', { name: start }));
  const alert = await screen.findByRole('alert');
  expect(alert).toHaveTextContent('limit has been reached');
  expect(alert).toHaveTextContent('req-1');
});

test('shows a record with attempts, content as text and accesses', async () => {
  const completion = '<img src=x><script>1</script>';
  let reads = 0;
  server.use(
    http.get(`${LOGS}/${record.id}`, () => {
      reads += 1;
      return HttpResponse.json({ ...record, answer: completion });
    }),
  );
  const { container } = open(`/audit/${record.id}`);
  const attempts = within(await screen.findByRole('table', { name: 'Attempts' }));
  expect(attempts.getByRole('row', { name: /OpenAI · gpt-6-luna answered/ })).toBeVisible();
  expect(screen.getByText(completion)).toBeVisible();
  expect(container.querySelector('img, script')).toBeNull();
  expect(screen.getByText(/"request":"Anuncie a nova agenda/)).toBeVisible();
  expect(screen.getByText(/^ana read it on/)).toBeVisible();
  expect(screen.getByText('267 (214 in, 53 out)')).toBeVisible();
  expect(reads).toBe(1);
});

test('explains a record without content', async () => {
  server.use(
    http.get(`${LOGS}/${record.id}`, () =>
      HttpResponse.json({ ...record, prompt: null, answer: null, accesses: [] }),
    ),
  );
  open(`/audit/${record.id}`);
  expect(await screen.findByText('No content is kept.')).toBeVisible();
  expect(screen.getByText('No one has accessed the content.')).toBeVisible();
});

test('shows an error with the request id', async () => {
  server.use(http.get(`${LOGS}/none`, () => problem(404, 'not_found')));
  open('/audit/none');
  const alert = await screen.findByRole('alert');
  expect(alert).toHaveTextContent('The requested item does not exist.');
  expect(alert).toHaveTextContent('req-1');
});
