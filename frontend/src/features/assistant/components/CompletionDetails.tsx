import type { TaskResponse } from '@/api/assistant';
import { displayName } from '@/api/providers';
import { Badge } from '@/components/ui/Badge';
import { useFailureText } from '@/i18n/useFailureText';
import { useFormat } from '@/i18n/useFormat';
import { useTexts } from '@/i18n/useTexts';
import { assistantTexts } from '../i18n/assistantTexts';
import styles from './Assistant.module.css';

/** Provider, cache hit, fallback, tokens, cost and latency of a completion. */
export function CompletionDetails({ response }: { readonly response: TaskResponse<unknown> }) {
  const t = useTexts(assistantTexts);
  const format = useFormat();
  const failureText = useFailureText();
  const { inputTokens, outputTokens, costUsd } = response.usage;
  const failed = response.fallback.attempts.filter((attempt) => attempt.outcome !== 'answered');
  const count = (tokens: number | null) => (tokens === null ? t('unknown') : format.integer(tokens));
  return (
    <div className={styles.form}>
      <div className={styles.marks}>
        <Badge tone="accent">
          {displayName(response.provider)} · {response.model}
        </Badge>
        {response.cached && <Badge tone="success">{t('cached')}</Badge>}
        {response.fallback.used && <Badge tone="warning">{t('fallback')}</Badge>}
      </div>
      {failed.length > 0 && (
        <ul className={styles.list}>
          {failed.map((attempt, place) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: attempts have no id
            <li key={place}>
              {t('failedAttempt', {
                provider: displayName(attempt.provider),
                code: failureText(attempt.errorCode),
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
          <dd>{format.duration(response.latencyMs)}</dd>
        </div>
        <div>
          <dt>{t('request')}</dt>
          <dd>
            <code>{response.requestId}</code>
          </dd>
        </div>
      </dl>
    </div>
  );
}
