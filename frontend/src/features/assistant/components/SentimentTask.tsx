import { useState } from 'react';
import { type Sentiments, useSentiment } from '@/api/assistant';
import { Badge } from '@/components/ui/Badge';
import { Card } from '@/components/ui/Card';
import { Field } from '@/components/ui/Field';
import { TextArea } from '@/components/ui/Input';
import { useFormat } from '@/i18n/useFormat';
import { useTexts } from '@/i18n/useTexts';
import { assistantTexts } from '../i18n/assistantTexts';
import { commonFields } from '../utils/taskRequest';
import styles from './Assistant.module.css';
import { TaskPanel, type TaskProps } from './TaskPanel';

const TEXTS_MAX = 25;
const TONES = { positive: 'success', negative: 'danger', neutral: 'neutral', mixed: 'warning' } as const;

/** Split a text at its empty lines. */
function splitTexts(text: string): string[] {
  return text
    .split(/\n\s*\n/)
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/** Task that analyses the sentiment of texts. */
export function SentimentTask({ provider }: TaskProps) {
  const t = useTexts(assistantTexts);
  const task = useSentiment();
  const [text, setText] = useState('');
  const texts = splitTexts(text);
  return (
    <TaskPanel
      task={task}
      request={() => ({ ...commonFields(provider), texts })}
      renderCompletion={(data, request) => <SentimentResults sentiments={data} texts={request.texts ?? []} />}
      fields={
        <Field
          label={t('sentiment.texts')}
          hint={t('sentiment.textsHint')}
          error={texts.length > TEXTS_MAX ? t('sentiment.tooMany', { max: TEXTS_MAX }) : undefined}
        >
          <TextArea value={text} onChange={(event) => setText(event.target.value)} rows={8} required />
        </Field>
      }
    />
  );
}

type Result = Sentiments['results'][number];

function SentimentResults({
  sentiments,
  texts,
}: {
  readonly sentiments: Sentiments;
  readonly texts: readonly string[];
}) {
  return sentiments.results.map((result, place) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: results have no id
    <SentimentCard key={place} number={place + 1} result={result} text={texts[place] ?? ''} />
  ));
}

interface SentimentCardProps {
  readonly number: number;
  readonly result: Result;
  readonly text: string;
}

function SentimentCard({ number, result: { sentiment }, text }: SentimentCardProps) {
  const t = useTexts(assistantTexts);
  const format = useFormat();
  if (sentiment === null) {
    return (
      <Card title={t('sentiment.result', { number })}>
        <p className={styles.quoted}>{text}</p>
        <p className={styles.text}>{t('sentiment.none')}</p>
      </Card>
    );
  }
  const { label, score, confidence, urgency, emotions, aspects, rationale } = sentiment;
  return (
    <Card
      title={t('sentiment.result', { number })}
      actions={<Badge tone={TONES[label]}>{t(`sentiment.labels.${label}`)}</Badge>}
    >
      <div className={styles.form}>
        <p className={styles.quoted}>{text}</p>
        <p className={styles.text}>{rationale}</p>
        <p className={styles.muted}>
          {t('sentiment.numbers', {
            score: format.decimal(score),
            confidence: format.percent(confidence),
            urgency: t(`sentiment.urgencies.${urgency}`),
          })}
        </p>
        {emotions.length > 0 && (
          <div className={styles.marks}>
            {emotions.map((emotion) => (
              <Badge key={emotion}>{t(`sentiment.emotions.${emotion}`)}</Badge>
            ))}
          </div>
        )}
        {aspects.length > 0 && (
          <ul className={styles.list}>
            {aspects.map((aspect) => (
              <li key={`${aspect.aspect} ${aspect.quote}`}>
                <strong>{aspect.aspect}</strong> ({t(`sentiment.labels.${aspect.sentiment}`)}): “
                {aspect.quote}”
              </li>
            ))}
          </ul>
        )}
      </div>
    </Card>
  );
}
