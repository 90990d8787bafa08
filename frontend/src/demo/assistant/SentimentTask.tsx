import { useState } from 'react';
import { type Sentiments, useSentiment } from '../../api/assistant';
import { Badge } from '../../components/ui/Badge';
import { Card } from '../../components/ui/Card';
import { Field } from '../../components/ui/Field';
import { TextArea } from '../../components/ui/Input';
import { playgroundTexts } from '../../i18n/playground';
import { useFormat } from '../../i18n/useFormat';
import { useTexts } from '../../i18n/useTexts';
import styles from './Assistant.module.css';
import { common, TaskFrame, type TaskProps } from './TaskFrame';

const TEXTS_MAX = 25;
const TONES = { positive: 'success', negative: 'danger', neutral: 'neutral', mixed: 'warning' } as const;

/** Texts with an empty line between two of them. */
function blocks(text: string): string[] {
  return text
    .split(/\n\s*\n/)
    .map((block) => block.trim())
    .filter((block) => block !== '');
}

export function SentimentTask({ provider }: TaskProps) {
  const t = useTexts(playgroundTexts);
  const task = useSentiment();
  const [text, setText] = useState('');
  const texts = blocks(text);
  return (
    <TaskFrame
      task={task}
      request={() => ({ ...common(provider), texts })}
      show={(data, asked) => <Results sentiments={data} texts={asked.texts ?? []} />}
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

function Results({
  sentiments,
  texts,
}: {
  readonly sentiments: Sentiments;
  readonly texts: readonly string[];
}) {
  return sentiments.results.map((result, place) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: results have no name but their place
    <Sentiment key={place} number={place + 1} result={result} text={texts[place] ?? ''} />
  ));
}

interface SentimentProps {
  readonly number: number;
  readonly result: Result;
  readonly text: string;
}

function Sentiment({ number, result: { sentiment }, text }: SentimentProps) {
  const t = useTexts(playgroundTexts);
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
