import { screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { HttpResponse, http } from 'msw';
import { Route, Router } from 'wouter';
import { memoryLocation } from 'wouter/memory-location';
import record from '../../../docs/examples/get_audit_log.json';
import records from '../../../docs/examples/list_audit_logs.json';
import { render } from '../testing/render';
import { API, problem, server } from '../testing/server';
import AuditPage from './AuditPage';

const LOGS = `${API}/api/marketing/ai/audit-logs`;

function open(path = '/audit') {
  const { hook } = memoryLocation({ path });
  return render(
    <Router hook={hook}>
      <Route path="/audit/:id?" component={AuditPage} />
    </Router>,
  );
}

test('shows records newest first, and older ones when asked', async () => {
  const asked: string[] = [];
  server.use(
    http.get(LOGS, ({ request }) => {
      const { searchParams } = new URL(request.url);
      asked.push(searchParams.toString());
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
  expect(asked).toEqual(['limit=25', 'limit=25&cursor=next']);
  expect(screen.queryByRole('button', { name: 'Show older ones' })).toBeNull();
});

test('filters by time, user, module, provider and status, and clears them', async () => {
  const asked: URLSearchParams[] = [];
  server.use(
    http.get(LOGS, ({ request }) => {
      asked.push(new URL(request.url).searchParams);
      return HttpResponse.json({ items: [], nextCursor: null });
    }),
  );
  open();
  await userEvent.type(await screen.findByLabelText('From'), '2026-11-01T00:00');
  await userEvent.type(screen.getByLabelText('User'), 'ana');
  await userEvent.type(screen.getByLabelText('Module'), 'crm');
  await userEvent.click(screen.getByRole('combobox', { name: 'Provider' }));
  await userEvent.click(await screen.findByRole('option', { name: 'Groq' }));
  await userEvent.click(screen.getByRole('combobox', { name: 'Status' }));
  await userEvent.click(await screen.findByRole('option', { name: 'rejected' }));
  await userEvent.click(screen.getByRole('button', { name: 'Filter' }));
  await waitFor(() => expect(asked).toHaveLength(2));
  expect(Object.fromEntries(asked[1] ?? [])).toEqual({
    from: new Date('2026-11-01T00:00').toISOString(),
    userId: 'ana',
    module: 'crm',
    provider: 'groq',
    status: 'rejected',
    limit: '25',
  });
  expect(await screen.findByText('No record fits these filters.')).toBeVisible();
  await userEvent.click(screen.getByRole('button', { name: 'Clear' }));
  expect(screen.getByLabelText('User')).toHaveValue('');
});

test('opens one record with its attempts, its content as text, and who has read it', async () => {
  const answer = '<img src=x><script>1</script>';
  let read = 0;
  server.use(
    http.get(`${LOGS}/${record.id}`, () => {
      read += 1;
      return HttpResponse.json({ ...record, answer });
    }),
  );
  const { container } = open(`/audit/${record.id}`);
  const attempts = within(await screen.findByRole('table', { name: 'Attempts' }));
  expect(attempts.getByRole('row', { name: /OpenAI · gpt-5-mini answered/ })).toBeVisible();
  expect(screen.getByText(answer)).toBeVisible();
  expect(container.querySelector('img, script')).toBeNull();
  expect(screen.getByText(/"request":"Anuncie a nova agenda/)).toBeVisible();
  expect(screen.getByText(/^ana read it on/)).toBeVisible();
  expect(screen.getByText('267 (214 in, 53 out)')).toBeVisible();
  expect(read).toBe(1);
});

test('says that nothing is kept of a record without content', async () => {
  server.use(
    http.get(`${LOGS}/${record.id}`, () => HttpResponse.json({ ...record, prompt: null, answer: null })),
  );
  open(`/audit/${record.id}`);
  expect(await screen.findByText('No content is kept.')).toBeVisible();
});

test('shows failures in words with the request id', async () => {
  server.use(http.get(`${LOGS}/none`, () => problem(404, 'not_found')));
  open('/audit/none');
  const alert = await screen.findByRole('alert');
  expect(alert).toHaveTextContent('What was asked for does not exist.');
  expect(alert).toHaveTextContent('req-1');
});
