import sentiments from '@examples/analyze_sentiment.json';
import copy from '@examples/generate_copy.json';
import summary from '@examples/generate_summary.json';
import translations from '@examples/translate.json';
import { screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { HttpResponse, http } from 'msw';
import { render } from '@/testing/render';
import { API, problem, server } from '@/testing/server';
import AssistantPage from './AssistantPage';

const ROOT = `${API}/api/marketing/ai-assistant`;

interface Sent {
  readonly body: unknown;
  readonly cacheControl: string | null;
}

/** Return `body` for the task, and record the requests. */
function serve(path: string, body: object): Sent[] {
  const sent: Sent[] = [];
  server.use(
    http.post(`${ROOT}/${path}`, async ({ request }) => {
      sent.push({ body: await request.json(), cacheControl: request.headers.get('Cache-Control') });
      return HttpResponse.json(body);
    }),
  );
  return sent;
}

const openTab = () => within(screen.getByRole('tabpanel'));
const completion = () => within(screen.getByRole('region', { name: 'Completion' }));
const generate = () => userEvent.click(screen.getByRole('button', { name: 'Generate' }));

test('writes copy, copies it to the clipboard and generates it again', async () => {
  const sent = serve('generate-copy-v2', copy);
  const user = userEvent.setup();
  render(<AssistantPage />);
  await user.type(screen.getByLabelText('What to write'), 'Agenda online');
  await user.type(screen.getByLabelText('Tone'), 'warm');
  await generate();

  expect(await completion().findByRole('region', { name: 'Variation 2' })).toBeVisible();
  expect(completion().getByText(/Chega de faltas/)).toBeVisible();
  expect(completion().getAllByText(/^Text: \d+ of 2,200$/)).toHaveLength(2);
  expect(completion().getByText('214 in, 53 out')).toBeVisible();
  expect(completion().getByText('$0.000048')).toBeVisible();
  expect(completion().queryByText('from the cache')).toBeNull();
  const body = {
    module: 'marketing',
    prompt: 'Agenda online',
    variations: 2,
    context: { tone: 'warm', platform: 'instagram' },
  };
  expect(sent).toEqual([{ body, cacheControl: null }]);

  await user.click(completion().getByRole('button', { name: 'Copy: Variation 2' }));
  const [, second] = copy.data.variations;
  expect(await navigator.clipboard.readText()).toBe(`${second?.text}\n\n${second?.hashtags.join(' ')}`);
  expect(await screen.findByText('Text copied')).toBeInTheDocument();

  await user.click(completion().getByRole('button', { name: 'Generate again' }));
  await waitFor(() => expect(sent).toHaveLength(2));
  expect(sent[1]).toEqual({ body, cacheControl: 'no-cache' });
});

test('marks cache hits and fallbacks', async () => {
  const failed = {
    provider: 'openai',
    model: 'gpt-6-luna',
    outcome: 'failed',
    errorCode: 'timeout',
    latencyMs: 9,
  };
  serve('generate-copy-v2', {
    ...copy,
    provider: 'groq',
    cached: true,
    usage: { inputTokens: null, outputTokens: null, totalTokens: null, costUsd: null },
    fallback: { used: true, attempts: [failed] },
  });
  render(<AssistantPage />);
  await userEvent.type(screen.getByLabelText('What to write'), 'x');
  await generate();
  expect(await completion().findByText('from the cache')).toBeVisible();
  expect(completion().getByText('another provider responded')).toBeVisible();
  expect(completion().getByText('OpenAI failed (no response in time)')).toBeVisible();
  expect(completion().getByText('unknown')).toBeVisible();
  expect(completion().getByText('unknown in, unknown out')).toBeVisible();
});

test('shows a completion as text, never as HTML', async () => {
  const [first] = copy.data.variations;
  const text = '<img src=x onerror="document.title=1"><b>bold</b>';
  serve('generate-copy-v2', { ...copy, data: { variations: [{ ...first, text, hashtags: [] }] } });
  const { container } = render(<AssistantPage />);
  await userEvent.type(screen.getByLabelText('What to write'), 'x');
  await generate();
  expect(await completion().findByText(text)).toBeVisible();
  expect(container.querySelector('img, b')).toBeNull();
});

test('keeps inputs and completions while loading and in other tabs', async () => {
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  serve('generate-copy-v2', copy);
  render(<AssistantPage />);
  await userEvent.type(screen.getByLabelText('What to write'), 'Agenda');
  await generate();
  await completion().findByRole('region', { name: 'Variation 2' });
  server.use(
    http.post(`${ROOT}/generate-copy-v2`, async () => {
      await held;
      return HttpResponse.json({ ...copy, cached: true });
    }),
  );

  await userEvent.click(completion().getByRole('button', { name: 'Generate again' }));
  expect(completion().getByRole('region', { name: 'Variation 2' })).toBeVisible();
  release();
  expect(await completion().findByText('from the cache')).toBeVisible();

  await userEvent.click(screen.getByRole('tab', { name: 'Summarise' }));
  await userEvent.click(screen.getByRole('tab', { name: 'Write' }));
  expect(screen.getByLabelText('What to write')).toHaveValue('Agenda');
  expect(completion().getByRole('region', { name: 'Variation 2' })).toBeVisible();
});

test('sends the chosen provider', async () => {
  const sent = serve('generate-copy-v2', copy);
  render(<AssistantPage />);
  await userEvent.click(await screen.findByRole('combobox', { name: 'AI provider' }));
  await userEvent.click(await screen.findByRole('option', { name: /^Groq/ }));
  await userEvent.type(screen.getByLabelText('What to write'), 'x');
  await generate();
  await waitFor(() => expect(sent[0]?.body).toMatchObject({ provider: 'groq' }));
});

test('analyses texts separated by empty lines', async () => {
  const sent = serve('analyze-sentiment', sentiments);
  render(<AssistantPage />);
  await userEvent.click(screen.getByRole('tab', { name: 'Analyse sentiment' }));
  await userEvent.type(
    screen.getByLabelText('Texts'),
    'Um amor{Enter}mas demorou{Enter} {Enter}Que horas abre?',
  );
  await generate();
  const first = within(await completion().findByRole('region', { name: 'Text 1' }));
  expect(first.getByText('mixed')).toBeVisible();
  expect(first.getByText('Score 0.1, confidence 90%, urgency medium')).toBeVisible();
  expect(first.getByText('frustration')).toBeVisible();
  expect(first.getByText(/esperei 50 minutos e ninguém avisou/)).toBeVisible();
  expect(sent[0]?.body).toEqual({ module: 'marketing', texts: ['Um amor\nmas demorou', 'Que horas abre?'] });
});

test('summarises in a chosen format and length', async () => {
  const sent = serve('generate-summary', summary);
  render(<AssistantPage />);
  await userEvent.click(screen.getByRole('tab', { name: 'Summarise' }));
  await userEvent.type(openTab().getByLabelText('Text'), 'Longo');
  await userEvent.type(screen.getByLabelText('Maximum characters'), '140');
  await generate();
  expect(await completion().findByText(summary.data.text)).toBeVisible();
  expect(completion().getByText('129 characters')).toBeVisible();
  expect(sent[0]?.body).toEqual({
    module: 'marketing',
    maxCharacters: 140,
    text: 'Longo',
    style: 'paragraph',
  });
});

test('translates into several languages with a glossary', async () => {
  const sent = serve('translate', translations);
  render(<AssistantPage />);
  await userEvent.click(screen.getByRole('tab', { name: 'Translate' }));
  await userEvent.type(openTab().getByLabelText('Text'), 'Consulta confirmada');
  await userEvent.type(screen.getByLabelText('Into languages'), ', es');
  await userEvent.type(screen.getByLabelText('Glossary'), 'consulta = appointment');
  await generate();
  expect(await completion().findByRole('region', { name: 'From pt to en' })).toHaveTextContent('{{nome}}');
  expect(sent[0]?.body).toEqual({
    module: 'marketing',
    text: 'Consulta confirmada',
    targetLanguages: ['en', 'es'],
    formality: 'default',
    glossary: { consulta: 'appointment' },
  });
});

test('shows the reached limit, failed providers and the request id', async () => {
  const limit = { limit: 'requestsPerHour', max: 3, used: 3, resetsAt: '2026-11-23T12:00:00.000Z' };
  server.use(http.post(`${ROOT}/generate-copy-v2`, () => problem(429, 'limit_exceeded', limit)));
  render(<AssistantPage />);
  await userEvent.type(screen.getByLabelText('What to write'), 'x');
  await generate();
  const alert = await screen.findByRole('alert');
  expect(alert).toHaveTextContent('Requests per hour: 3 of 3.');
  expect(alert).toHaveTextContent('Resets at');
  expect(alert).toHaveTextContent('req-1');

  const attempt = { provider: 'groq', model: 'm', outcome: 'failed', errorCode: 'overloaded', latencyMs: 1 };
  server.use(
    http.post(`${ROOT}/generate-copy-v2`, () =>
      problem(502, 'all_providers_failed', { attempts: [attempt] }),
    ),
  );
  await userEvent.click(screen.getByRole('button', { name: 'Try again' }));
  expect(await screen.findByText('Groq failed (overloaded)')).toBeVisible();
});
