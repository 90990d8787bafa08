import { useState } from 'react';
import { type Summary, type SummaryStyle, useSummary } from '@/api/assistant';
import { Card } from '@/components/ui/Card';
import { Field } from '@/components/ui/Field';
import { Input, TextArea } from '@/components/ui/Input';
import { Select } from '@/components/ui/Select';
import { useFormat } from '@/i18n/useFormat';
import { useTexts } from '@/i18n/useTexts';
import { assistantTexts } from '../i18n/assistantTexts';
import { commonFields, filledFields } from '../utils/taskRequest';
import styles from './Assistant.module.css';
import { ClipboardButton } from './ClipboardButton';
import { TaskPanel, type TaskProps } from './TaskPanel';

const STYLES = ['paragraph', 'bullets', 'headline', 'whatsapp'] as const satisfies readonly SummaryStyle[];
const CHARACTERS = { min: 20, max: 5000 } as const;
const TEXT_LENGTH_MAX = 400_000;

/** Task that summarises a text. */
export function SummaryTask({ provider }: TaskProps) {
  const t = useTexts(assistantTexts);
  const task = useSummary();
  const [text, setText] = useState('');
  const [style, setStyle] = useState<SummaryStyle>('paragraph');
  const [characters, setCharacters] = useState('');
  const [focus, setFocus] = useState('');
  const request = () => ({
    ...commonFields(provider),
    ...filledFields({ focus }),
    ...(characters === '' ? {} : { maxCharacters: Number(characters) }),
    text,
    style,
  });
  return (
    <TaskPanel
      task={task}
      request={request}
      renderCompletion={(data) => <SummaryCard summary={data} />}
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
                placeholder={t('summary.defaultOfStyle')}
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

function SummaryCard({ summary }: { readonly summary: Summary }) {
  const t = useTexts(assistantTexts);
  const format = useFormat();
  const title = t('summary.result');
  return (
    <Card title={title} actions={<ClipboardButton text={summary.text} label={t('copyOf', { title })} />}>
      <p className={styles.words}>{summary.text}</p>
      <p className={styles.muted}>
        {t('summary.length', { characters: format.integer(summary.characters) })}
      </p>
    </Card>
  );
}
