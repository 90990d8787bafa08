import { useState } from 'react';
import { type Summary, useSummary } from '../../api/assistant';
import type { Schemas } from '../../api/client';
import { Card } from '../../components/ui/Card';
import { Field } from '../../components/ui/Field';
import { Input, TextArea } from '../../components/ui/Input';
import { Select } from '../../components/ui/Select';
import { playgroundTexts } from '../../i18n/playground';
import { useFormat } from '../../i18n/useFormat';
import { useTexts } from '../../i18n/useTexts';
import styles from './Assistant.module.css';
import { CopyButton } from './CopyButton';
import { common, filled, TaskFrame, type TaskProps } from './TaskFrame';

const STYLES = [
  'paragraph',
  'bullets',
  'headline',
  'whatsapp',
] as const satisfies readonly Schemas['Style'][];
const CHARACTERS = { min: 20, max: 5000 } as const;
const TEXT_LENGTH_MAX = 400_000;

export function SummaryTask({ provider }: TaskProps) {
  const t = useTexts(playgroundTexts);
  const task = useSummary();
  const [text, setText] = useState('');
  const [style, setStyle] = useState<Schemas['Style']>('paragraph');
  const [characters, setCharacters] = useState('');
  const [focus, setFocus] = useState('');
  const request = () => ({
    ...common(provider),
    ...filled({ focus }),
    ...(characters === '' ? {} : { maxCharacters: Number(characters) }),
    text,
    style,
  });
  return (
    <TaskFrame
      task={task}
      request={request}
      show={(data) => <Result summary={data} />}
      fields={
        <>
          <Field label={t('summary.text')}>
            <TextArea
              value={text}
              onChange={(event) => setText(event.target.value)}
              rows={8}
              maxLength={TEXT_LENGTH_MAX}
              required
            />
          </Field>
          <div className={styles.fields}>
            <Field label={t('summary.style')}>
              <Select
                value={style}
                onChange={setStyle}
                options={STYLES.map((value) => ({ value, label: t(`summary.styles.${value}`) }))}
              />
            </Field>
            <Field label={t('summary.characters')}>
              <Input
                type="number"
                {...CHARACTERS}
                value={characters}
                onChange={(event) => setCharacters(event.target.value)}
                placeholder={t('summary.ofStyle')}
              />
            </Field>
            <Field label={t('summary.focus')}>
              <Input
                value={focus}
                onChange={(event) => setFocus(event.target.value)}
                placeholder={t('summary.focusExample')}
                maxLength={300}
              />
            </Field>
          </div>
        </>
      }
    />
  );
}

function Result({ summary }: { readonly summary: Summary }) {
  const t = useTexts(playgroundTexts);
  const format = useFormat();
  const title = t('summary.result');
  return (
    <Card title={title} actions={<CopyButton text={summary.text} label={t('copyOf', { title })} />}>
      <p className={styles.words}>{summary.text}</p>
      <p className={styles.muted}>
        {t('summary.length', { characters: format.integer(summary.characters) })}
      </p>
    </Card>
  );
}
