import preferences from '@examples/get_preferences.json';
import limits from '@examples/get_rate_limits.json';
import models from '@examples/list_models.json';
import saved from '@examples/put_config.json';
import tested from '@examples/test_config.json';
import { fireEvent, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { HttpResponse, http } from 'msw';
import { render } from '@/testing/render';
import { API, problem, server } from '@/testing/server';
import { AIIntegrationsTab } from './AIIntegrationsTab';

const ROOT = `${API}/api/marketing/ai`;

/** Return `body` for the request, and record the bodies that were sent. */
function serve(method: 'put' | 'post' | 'delete', path: string, body: object): unknown[] {
  const sent: unknown[] = [];
  server.use(
    http[method](`${ROOT}${path}`, async ({ request }) => {
      const text = await request.text();
      sent.push(text === '' ? null : JSON.parse(text));
      return HttpResponse.json(body);
    }),
  );
  return sent;
}

const card = async (name: string) => within(await screen.findByRole('region', { name }));

test('tests the saved key and shows that it works', async () => {
  const sent = serve('post', '/configs/test', tested);
  render(<AIIntegrationsTab />);
  const openai = await card('OpenAI');
  expect(openai.getByText('••••enai')).toBeVisible();
  expect(openai.getByText('The connection has not been tested yet.')).toBeVisible();

  await userEvent.click(openai.getByRole('button', { name: 'Test connection' }));

  expect(await openai.findByText('gpt-6-luna responded within 7 ms')).toBeVisible();
  expect(await screen.findByText('OpenAI: the connection works')).toBeInTheDocument();
  expect(sent).toEqual([{ provider: 'openai' }]);
});

test.each([
  ['invalid_key', /The key is not valid/],
  ['no_credit', /no credit/],
  ['no_permission', /no permission/],
  ['model_not_found', /does not know this model/],
  ['rate_limited', /limits requests with this key/],
  ['refused', /accepts the key, but rejects the test request/],
  ['unreachable', /could not be reached/],
])('explains a failed test: %s', async (code, text) => {
  serve('post', '/configs/test', { ...tested, success: false, code });
  render(<AIIntegrationsTab />);
  const openai = await card('OpenAI');
  await userEvent.click(openai.getByRole('button', { name: 'Test connection' }));
  expect(await openai.findByText(text)).toBeVisible();
});

test('saves a new key after its test and never shows it again', async () => {
  const sent = serve('put', '/configs/openai', saved);
  render(<AIIntegrationsTab />);
  const openai = await card('OpenAI');
  await userEvent.click(openai.getByRole('button', { name: 'Edit' }));
  const key = openai.getByLabelText('API key');
  expect(key).toHaveAttribute('type', 'password');
  expect(key).toHaveValue('');
  expect(openai.getByText('Leave empty to keep ••••enai.')).toBeVisible();
  await userEvent.type(key, ' sk-new ');
  await userEvent.click(openai.getByRole('button', { name: 'Test and save' }));

  expect(await screen.findByText('OpenAI was saved')).toBeInTheDocument();
  expect(sent).toEqual([{ apiKey: 'sk-new', model: 'gpt-6-luna', isDefault: true, validate: true }]);
  expect(screen.queryByDisplayValue('sk-new')).toBeNull();
});

test('explains a rejected key and can save it without a test', async () => {
  server.use(
    http.put(`${ROOT}/configs/groq`, () => problem(422, 'provider_test_failed', { reason: 'invalid_key' }), {
      once: true,
    }),
  );
  render(<AIIntegrationsTab />);
  const groq = await card('Groq');
  await userEvent.click(groq.getByRole('button', { name: 'Edit' }));
  await userEvent.type(groq.getByLabelText('API key'), 'gsk_bad');
  await userEvent.click(groq.getByRole('button', { name: 'Test and save' }));
  const alert = await groq.findByRole('alert');
  expect(alert).toHaveTextContent('The key is not valid.');
  expect(alert).toHaveTextContent('req-1');

  const sent = serve('put', '/configs/groq', saved);
  await userEvent.click(groq.getByRole('button', { name: 'Save without a test' }));
  await waitFor(() =>
    expect(sent).toEqual([{ apiKey: 'gsk_bad', model: 'openai/gpt-oss-20b', validate: false }]),
  );
});

test('requires a key and a model for a new provider', async () => {
  server.use(http.get(`${ROOT}/configs`, () => HttpResponse.json({ items: [], nextCursor: null })));
  const sent = serve('put', '/configs/anthropic', saved);
  render(<AIIntegrationsTab />);
  const anthropic = await card('Anthropic');
  await userEvent.click(anthropic.getByRole('button', { name: 'Configure' }));
  expect(anthropic.getByRole('button', { name: 'Test connection' })).toBeDisabled();
  await userEvent.type(anthropic.getByLabelText('API key'), 'sk-ant-1');
  await userEvent.type(anthropic.getByLabelText('Model'), 'claude-haiku-5-5{Tab}');
  await userEvent.click(anthropic.getByRole('switch', { name: 'Default provider' }));
  await userEvent.click(anthropic.getByRole('button', { name: 'Test and save' }));
  await waitFor(() =>
    expect(sent).toEqual([
      { apiKey: 'sk-ant-1', model: 'claude-haiku-5-5', isDefault: true, validate: true },
    ]),
  );
});

test('lists the models of the saved key with context and prices', async () => {
  render(<AIIntegrationsTab />);
  const openai = await card('OpenAI');
  await userEvent.click(openai.getByRole('button', { name: 'Edit' }));
  const model = openai.getByLabelText('Model');
  await userEvent.click(model);
  await waitFor(() => expect(screen.getAllByRole('option')).toHaveLength(models.items.length));
  await userEvent.clear(model);
  await userEvent.type(model, 'gpt-6-l');
  await waitFor(() => expect(screen.getAllByRole('option')).toHaveLength(1));
  const option = await screen.findByRole('option', { name: /gpt-6-luna/ });
  expect(option).toHaveTextContent('$0.10 in and $0.50 out per million tokens');
  expect(option).toHaveTextContent('context of 1.1M');
  await userEvent.click(option);
  expect(model).toHaveValue('gpt-6-luna');
});

test('enables, sets the default, and removes after a confirmation', async () => {
  const sent = serve('put', '/configs/google', saved);
  const removed = serve('delete', '/configs/google', { provider: 'google', deleted: true });
  render(<AIIntegrationsTab />);
  const google = await card('Google Gemini');
  await userEvent.click(google.getByRole('switch', { name: 'Enabled' }));
  await waitFor(() => expect(sent).toEqual([{ enabled: false }]));
  await waitFor(() => expect(google.getByRole('switch', { name: 'Default provider' })).toBeEnabled());
  await userEvent.click(google.getByRole('switch', { name: 'Default provider' }));
  await waitFor(() => expect(sent).toContainEqual({ isDefault: true }));

  await userEvent.click(google.getByRole('button', { name: 'Remove' }));
  const dialog = within(await screen.findByRole('alertdialog', { name: 'Remove Google Gemini?' }));
  await userEvent.click(dialog.getByRole('button', { name: 'Cancel' }));
  expect(removed).toEqual([]);
  await userEvent.click(google.getByRole('button', { name: 'Remove' }));
  await userEvent.click(
    within(await screen.findByRole('alertdialog')).getByRole('button', { name: 'Remove' }),
  );
  await waitFor(() => expect(removed).toEqual([null]));
});

const order = (...names: string[]) => ({
  modules: {
    '*': { strategy: 'ordered', providers: names.map((provider) => ({ provider, model: null, weight: 1 })) },
  },
});

test('reorders providers by keyboard, announces it and keeps the focus', async () => {
  server.use(
    http.get(`${ROOT}/fallback-config`, () => HttpResponse.json(order('openai', 'anthropic', 'groq'))),
  );
  const sent = serve('put', '/fallback-config', order('groq', 'openai', 'anthropic'));
  render(<AIIntegrationsTab />);
  const orders = await card('Order of providers');
  const up = await orders.findByRole('button', { name: 'Groq: up' });
  up.focus();
  await userEvent.keyboard('{Enter}');
  expect(orders.getByText('Groq is now number 2 of 3')).toBeInTheDocument();
  expect(up).toHaveFocus();
  await userEvent.keyboard('{Enter}{Enter}');
  await userEvent.click(orders.getByRole('button', { name: 'Save order' }));
  await waitFor(() => expect(sent).toEqual([order('groq', 'openai', 'anthropic')]));
});

test('reorders providers by dragging', async () => {
  server.use(
    http.get(`${ROOT}/fallback-config`, () => HttpResponse.json(order('openai', 'anthropic', 'groq'))),
  );
  const sent = serve('put', '/fallback-config', order('groq'));
  render(<AIIntegrationsTab />);
  const orders = await card('Order of providers');
  const rows = await orders.findAllByRole('listitem');
  const [first, second, third] = rows as [HTMLElement, HTMLElement, HTMLElement];
  fireEvent.dragStart(within(first).getByText('⠿'), { dataTransfer: { setDragImage: () => {} } });
  fireEvent.dragOver(second);
  fireEvent.dragOver(third);
  fireEvent.drop(third);
  fireEvent.dragEnd(first);
  await userEvent.click(orders.getByRole('button', { name: 'Save order' }));
  await waitFor(() => expect(sent).toEqual([order('anthropic', 'groq', 'openai')]));
});

test('creates and removes a separate weighted order for a module', async () => {
  const sent = serve('put', '/fallback-config', {
    modules: { crm: { strategy: 'weighted', providers: [{ provider: 'groq', model: null, weight: 5 }] } },
  });
  render(<AIIntegrationsTab />);
  const orders = await card('Order of providers');
  await userEvent.type(await orders.findByLabelText('Separate order for module'), 'crm');
  await userEvent.click(orders.getByRole('button', { name: 'Create' }));
  await userEvent.click(orders.getByRole('combobox', { name: 'Strategy' }));
  await userEvent.click(await screen.findByRole('option', { name: 'By weight' }));
  await userEvent.click(orders.getByRole('combobox', { name: 'Add a provider' }));
  await userEvent.click(await screen.findByRole('option', { name: 'Groq' }));
  const weight = orders.getByLabelText('Weight of Groq');
  fireEvent.change(weight, { target: { value: '5' } });
  await userEvent.click(orders.getByRole('button', { name: 'Save order' }));
  await waitFor(() =>
    expect(sent).toEqual([
      {
        modules: { crm: { strategy: 'weighted', providers: [{ provider: 'groq', model: null, weight: 5 }] } },
      },
    ]),
  );
  await userEvent.click(await orders.findByRole('button', { name: 'Use the general order' }));
  await waitFor(() => expect(sent).toContainEqual({ modules: { crm: null } }));
});

test('saves the changed limits only, with empty as no limit', async () => {
  const sent = serve('put', '/rate-limits', limits);
  render(<AIIntegrationsTab />);
  const form = await card('Limits and alerts');
  await userEvent.clear(await form.findByLabelText('Requests per hour'));
  await userEvent.clear(form.getByLabelText('Tokens per day'));
  await userEvent.type(form.getByLabelText('Tokens per day'), '0');
  await userEvent.clear(form.getByLabelText('Cost per month (US$)'));
  await userEvent.type(form.getByLabelText('Cost per month (US$)'), '0.1');
  await userEvent.clear(form.getByLabelText('Alert at (% of a limit)'));
  await userEvent.type(form.getByLabelText('Alert at (% of a limit)'), '50, 80 100');
  await userEvent.clear(form.getByLabelText('Who gets the alerts'));
  await userEvent.type(form.getByLabelText('Who gets the alerts'), 'a@x.example{Enter}b@x.example');
  await userEvent.click(form.getByRole('button', { name: 'Save limits' }));
  await waitFor(() =>
    expect(sent).toEqual([
      {
        requestsPerHour: null,
        tokensPerDay: 0,
        costPerMonthUsd: 0.1,
        alertThresholds: [50, 80, 100],
        alertEmails: ['a@x.example', 'b@x.example'],
      },
    ]),
  );
});

test('shows ceilings, a limit above its ceiling and stopped addresses', async () => {
  const ceilings = { requestsPerHour: 500, tokensPerDay: null, costPerMonthUsd: 20 };
  const errors = [{ field: 'requestsPerHour', message: 'The operator', type: 'above_ceiling' }];
  server.use(
    http.get(`${ROOT}/rate-limits`, () => HttpResponse.json({ ...limits, ceilings })),
    http.put(`${ROOT}/rate-limits`, () => problem(422, 'validation_failed', { errors })),
  );
  render(<AIIntegrationsTab />);
  const form = await card('Limits and alerts');
  expect(await form.findByText(/ceiling: 500\./)).toBeVisible();
  expect(form.getByText(/ceiling: \$20\.00\./)).toBeVisible();
  expect(form.getByText(/returned an e-mail on/)).toHaveTextContent('ninguem@clinica.example');
  await userEvent.click(form.getByRole('button', { name: 'Save limits' }));
  expect(await form.findByText("Above the operator's ceiling.")).toBeVisible();
  expect(form.getByRole('alert')).toHaveTextContent('req-1');
});

test('saves the changed preferences only', async () => {
  const sent = serve('put', '/preferences', preferences);
  render(<AIIntegrationsTab />);
  const form = await card('Preferences');
  await userEvent.clear(await form.findByLabelText('Cache completions for (days)'));
  await userEvent.type(form.getByLabelText('Cache completions for (days)'), '0');
  await userEvent.click(form.getByRole('combobox', { name: 'Content in the audit log' }));
  await userEvent.click(await screen.findByRole('option', { name: 'None' }));
  await userEvent.click(form.getByRole('switch', { name: 'OpenRouter' }));
  await userEvent.click(form.getByRole('button', { name: 'Add a model' }));
  await userEvent.type(form.getByLabelText('Model of line 1'), 'gpt-6-luna{Tab}');
  await userEvent.click(form.getByRole('button', { name: 'Add a price' }));
  const [, model] = form.getAllByLabelText('Model of line 1');
  await userEvent.type(model as HTMLElement, 'gpt-9{Tab}');
  await userEvent.type(form.getByLabelText('Input price of line 1'), '0.10');
  await userEvent.type(form.getByLabelText('Output price of line 1'), '2.5');
  await userEvent.click(form.getByRole('button', { name: 'Save preferences' }));
  await waitFor(() =>
    expect(sent).toEqual([
      {
        cacheTtlDays: 0,
        auditContent: 'none',
        allowedProviders: ['openai', 'anthropic', 'google', 'groq'],
        allowedModels: [{ provider: 'openai', model: 'gpt-6-luna' }],
        prices: [
          {
            provider: 'openai',
            model: 'gpt-9',
            inputPerMillionUsd: 0.1,
            outputPerMillionUsd: 2.5,
            contextTokens: null,
          },
        ],
      },
    ]),
  );
});

test('clears the result of the previous key and moves the focus', async () => {
  serve('post', '/configs/test', { ...tested, success: false, code: 'invalid_key' });
  server.use(
    http.put(`${ROOT}/configs/groq`, () => problem(422, 'provider_test_failed', { reason: 'invalid_key' })),
  );
  render(<AIIntegrationsTab />);
  const groq = await card('Groq');
  await userEvent.click(groq.getByRole('button', { name: 'Edit' }));
  const key = groq.getByLabelText('API key');
  expect(key).toHaveFocus();
  await userEvent.type(key, 'gsk_bad');
  await userEvent.click(groq.getByRole('button', { name: 'Test connection' }));
  expect(await groq.findByRole('status')).toHaveTextContent('The key is not valid.');
  expect(await screen.findAllByText('Groq: the connection failed')).not.toHaveLength(0);
  await userEvent.click(groq.getByRole('button', { name: 'Test and save' }));
  expect(await groq.findByRole('button', { name: 'Save without a test' })).toBeVisible();

  await userEvent.type(key, '2');

  expect(groq.queryByText(/The key is not valid/)).toBeNull();
  expect(groq.queryByRole('button', { name: 'Save without a test' })).toBeNull();
  await userEvent.click(groq.getByRole('button', { name: 'Cancel' }));
  expect(groq.getByRole('button', { name: 'Edit' })).toHaveFocus();
});

test('shows a rejected change with its request id', async () => {
  server.use(http.put(`${ROOT}/configs/google`, () => problem(403, 'forbidden')));
  render(<AIIntegrationsTab />);
  await userEvent.click((await card('Google Gemini')).getByRole('switch', { name: 'Enabled' }));
  // The text is in the toast and in its announcement.
  expect(await screen.findAllByText('Your role does not allow this.')).not.toHaveLength(0);
  expect(screen.getAllByText('Request ID: req-1')).not.toHaveLength(0);
});

test('keeps typed values while the API is unavailable', async () => {
  render(<AIIntegrationsTab />);
  const form = await card('Limits and alerts');
  const requests = await form.findByLabelText('Requests per hour');
  await userEvent.clear(requests);
  await userEvent.type(requests, '77');
  server.use(http.get(`${ROOT}/rate-limits`, () => problem(503, 'store_unavailable')));
  window.dispatchEvent(new Event('visibilitychange'));
  expect(await form.findByRole('alert')).toHaveTextContent('req-1');
  expect(form.getByLabelText('Requests per hour')).toHaveValue(77);
});

test('shows each error with its request id and retries', async () => {
  for (const path of ['/configs', '/rate-limits', '/preferences']) {
    server.use(http.get(`${ROOT}${path}`, () => problem(503, 'store_unavailable')));
  }
  render(<AIIntegrationsTab />);
  await waitFor(() => expect(screen.getAllByRole('alert')).toHaveLength(3));
  for (const alert of screen.getAllByRole('alert')) expect(alert).toHaveTextContent('req-1');
  server.resetHandlers();
  for (const again of screen.getAllByRole('button', { name: 'Try again' })) await userEvent.click(again);
  expect(await screen.findByRole('region', { name: 'OpenAI' })).toBeVisible();
});
