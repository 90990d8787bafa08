import type { Answer } from '../../api/assistant';
import { Badge } from '../../components/ui/Badge';
import { playgroundTexts } from '../../i18n/playground';
import { useFailureText } from '../../i18n/useFailureText';
import { useFormat } from '../../i18n/useFormat';
import { useTexts } from '../../i18n/useTexts';
import { displayName } from '../../providers';
import styles from './Assistant.module.css';

/** Who answered, what it took, and whether it came from the cache or from another provider than the first. */
export function AnswerMarks({ answer }: { readonly answer: Answer<unknown> }) {
  const t = useTexts(playgroundTexts);
  const format = useFormat();
  const words = useFailureText();
  const { inputTokens, outputTokens, costUsd } = answer.usage;
  const failed = answer.fallback.attempts.filter((attempt) => attempt.outcome !== 'answered');
  const count = (tokens: number | null) => (tokens === null ? t('unknown') : format.integer(tokens));
  return (
    <div className={styles.form}>
      <div className={styles.marks}>
        <Badge tone="accent">
          {displayName(answer.provider)} · {answer.model}
        </Badge>
        {answer.cached && <Badge tone="success">{t('cached')}</Badge>}
        {answer.fallback.used && <Badge tone="warning">{t('fallback')}</Badge>}
      </div>
      {failed.length > 0 && (
        <ul className={styles.list}>
          {failed.map((attempt, place) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: attempts have no name but their place
            <li key={place}>
              {t('failedAttempt', {
                provider: displayName(attempt.provider),
                code: words(attempt.errorCode),
              })}
            </li>
          ))}
        </ul>
      )}
      <dl className={styles.facts}>
        <div>
          <dt>{t('tokens')}</dt>
          <dd>{t('tokensInOut', { input: count(inputTokens), output: count(outputTokens) })}</dd>
        </div>
        <div>
          <dt>{t('cost')}</dt>
          <dd>{costUsd === null ? t('unknown') : format.usd(costUsd)}</dd>
        </div>
        <div>
          <dt>{t('time')}</dt>
          <dd>{format.duration(answer.latencyMs)}</dd>
        </div>
        <div>
          <dt>{t('request')}</dt>
          <dd>
            <code>{answer.requestId}</code>
          </dd>
        </div>
      </dl>
    </div>
  );
}
