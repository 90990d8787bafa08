import { screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { HttpResponse, http } from 'msw';
import { useState } from 'react';
import { render } from '../../testing/render';
import { API, problem, server } from '../../testing/server';
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

test('is a labelled combobox that is used by keyboard alone', async () => {
  const onChange = vi.fn();
  render(<Chooser onChange={onChange} />);
  const combobox = await screen.findByRole('combobox', { name: 'Provider' });
  expect(combobox).toHaveTextContent('Automatic');

  combobox.focus();
  await userEvent.keyboard('{Enter}');
  expect(await screen.findByRole('option', { name: /OpenAI.*gpt-5-mini.*default/ })).toBeVisible();
  await userEvent.keyboard('gro{Enter}');

  expect(onChange).toHaveBeenCalledExactlyOnceWith('groq');
  expect(combobox).toHaveTextContent('Groq');
});

test('carries its value in a form', async () => {
  const { container } = render(
    <form>
      <Chooser />
    </form>,
  );
  await screen.findByRole('combobox');
  const form = container.querySelector('form') ?? undefined;
  expect(new FormData(form).get('provider')).toBe('auto');
});

test('says why there is nothing to choose from', async () => {
  server.use(http.get(CONFIGS, () => HttpResponse.json({ items: [], nextCursor: null })));
  render(<Chooser />);
  expect(await screen.findByText(/No AI provider is enabled/)).toBeVisible();
});

test('shows a failure in words with the request id, and tries again when asked', async () => {
  server.use(http.get(CONFIGS, () => problem(503, 'store_unavailable'), { once: true }));
  render(<Chooser />);
  const alert = await screen.findByRole('alert');
  expect(alert).toHaveTextContent('The service is unavailable for a moment.');
  expect(alert).toHaveTextContent('req-1');

  await userEvent.click(screen.getByRole('button', { name: 'Try again' }));
  expect(await screen.findByRole('combobox')).toBeVisible();
});
