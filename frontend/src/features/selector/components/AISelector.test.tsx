import configs from '@examples/list_configs.json';
import { screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { HttpResponse, http } from 'msw';
import { type FormEvent, useState } from 'react';
import { render } from '@/testing/render';
import { API, problem, server } from '@/testing/server';
import { type AISelection, AISelector } from './AISelector';

const CONFIGS = `${API}/api/marketing/ai/configs`;

function Chooser({ onChange = () => {} }: { onChange?: (value: AISelection) => void }) {
  const [value, setValue] = useState<AISelection | null>('auto');
  const change = (next: AISelection) => {
    setValue(next);
    onChange(next);
  };
  return <AISelector label="Provider" name="provider" value={value} onChange={change} />;
}

test('works by keyboard as a labelled combobox', async () => {
  const onChange = vi.fn();
  render(<Chooser onChange={onChange} />);
  const combobox = await screen.findByRole('combobox', { name: 'Provider' });
  expect(combobox).toHaveTextContent('Automatic');

  await userEvent.tab();
  expect(combobox).toHaveFocus();
  await userEvent.keyboard('{Enter}');
  expect(await screen.findByRole('option', { name: /OpenAI.*gpt-6-luna.*default/ })).toBeVisible();
  await userEvent.keyboard('gro{Enter}');

  expect(onChange).toHaveBeenCalledExactlyOnceWith('groq');
  expect(combobox).toHaveTextContent('Groq');
});

test('submits its value in a form', async () => {
  const { container } = render(
    <form>
      <Chooser />
    </form>,
  );
  await screen.findByRole('combobox');
  const form = container.querySelector('form') ?? undefined;
  expect(new FormData(form).get('provider')).toBe('auto');
});

test('explains an empty list', async () => {
  server.use(http.get(CONFIGS, () => HttpResponse.json({ items: [], nextCursor: null })));
  render(<Chooser />);
  expect(await screen.findByText(/No AI provider is enabled/)).toBeVisible();
});

test('shows an error with the request id and retries', async () => {
  server.use(http.get(CONFIGS, () => problem(503, 'store_unavailable'), { once: true }));
  render(<Chooser />);
  const alert = await screen.findByRole('alert');
  expect(alert).toHaveTextContent('The service is unavailable for a moment.');
  expect(alert).toHaveTextContent('req-1');

  await userEvent.click(screen.getByRole('button', { name: 'Try again' }));
  expect(await screen.findByRole('combobox')).toBeVisible();
});

/** The list is visible only after it is positioned, which happens after its first paint. */
async function expectInList(text: string) {
  await waitFor(() => expect(screen.getByText(text)).toBeVisible());
}

test('lists the enabled providers of the automatic choice in order', async () => {
  const step = (provider: string) => ({ provider, model: null, weight: 1 });
  const crm = { strategy: 'ordered', providers: [step('groq'), step('openai'), step('anthropic')] };
  const items = configs.items.map((config) => ({ ...config, enabled: config.provider !== 'anthropic' }));
  server.use(
    http.get(CONFIGS, () => HttpResponse.json({ items, nextCursor: null })),
    http.get(`${API}/api/marketing/ai/fallback-config`, () => HttpResponse.json({ modules: { crm } })),
  );
  render(<AISelector label="Provider" module="crm" value="auto" onChange={() => {}} />);
  await userEvent.click(await screen.findByRole('combobox', { name: 'Provider' }));
  await expectInList('OpenAI → Groq');
  expect(screen.queryByRole('option', { name: /Anthropic/ })).toBeNull();
});

test('describes the automatic choice without an order', async () => {
  server.use(http.get(`${API}/api/marketing/ai/fallback-config`, () => HttpResponse.json({ modules: {} })));
  render(<AISelector label="Provider" module="crm" value="auto" onChange={() => {}} />);
  await userEvent.click(await screen.findByRole('combobox', { name: 'Provider' }));
  await expectInList('The default, then the other enabled providers');
});

test('shows a chosen provider that was disabled, but does not offer it', async () => {
  const items = configs.items.map((config) => ({ ...config, enabled: config.provider === 'openai' }));
  server.use(http.get(CONFIGS, () => HttpResponse.json({ items, nextCursor: null })));
  render(<AISelector label="Provider" value="groq" onChange={() => {}} />);
  const combobox = await screen.findByRole('combobox', { name: 'Provider' });
  expect(combobox).toHaveTextContent('Groq');
  await userEvent.click(combobox);
  expect(await screen.findByRole('option', { name: /Groq.*no longer enabled/ })).toHaveAttribute(
    'aria-disabled',
    'true',
  );
});

test('hides models, marks a failed test and can be disabled', async () => {
  const lastTest = {
    success: false,
    code: 'invalid_key',
    model: 'x',
    latencyMs: 1,
    at: '2026-11-23T00:00:00.000Z',
  };
  const items = configs.items.map((config) => ({ ...config, lastTest }));
  server.use(http.get(CONFIGS, () => HttpResponse.json({ items, nextCursor: null })));
  const { unmount } = render(
    <AISelector label="Provider" showModel={false} value={null} onChange={() => {}} />,
  );
  const combobox = await screen.findByRole('combobox', { name: 'Provider' });
  expect(combobox).toHaveTextContent('Choose a provider');
  await userEvent.click(combobox);
  expect(await screen.findByRole('option', { name: /OpenAI.*last test failed/ })).toBeVisible();
  expect(screen.queryByText('gpt-6-luna')).toBeNull();
  unmount();

  render(<AISelector label="Provider" disabled value="auto" onChange={() => {}} />);
  expect(await screen.findByRole('combobox', { name: 'Provider' })).toBeDisabled();
});

test('blocks a form while a required choice is missing', async () => {
  const submit = vi.fn((event: FormEvent) => event.preventDefault());
  render(
    <form onSubmit={submit}>
      <AISelector label="Provider" name="provider" required value={null} onChange={() => {}} />
      <button type="submit">Send</button>
    </form>,
  );
  await screen.findByRole('combobox', { name: 'Provider' });
  await userEvent.click(screen.getByRole('button', { name: 'Send' }));
  expect(submit).not.toHaveBeenCalled();
});
