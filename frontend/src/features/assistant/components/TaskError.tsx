import type { LimitName } from '@/api/limits';
import { asProblem } from '@/api/problem';
import { displayName } from '@/api/providers';
import { ErrorState } from '@/components/ui/ErrorState';
import { useFailureText } from '@/i18n/useFailureText';
import { useInvalidText } from '@/i18n/useFieldError';
import { useFormat } from '@/i18n/useFormat';
import { useTexts } from '@/i18n/useTexts';
import { assistantTexts } from '../i18n/assistantTexts';
import ptBR from '../i18n/pt-BR.json';
import styles from './Assistant.module.css';

interface TaskErrorProps {
  readonly error: Error;
  readonly onRetry: () => void;
}

/** Error of a request, with the reached limit, invalid fields and failed attempts. */
export function TaskError({ error, onRetry }: TaskErrorProps) {
  const t = useTexts(assistantTexts);
  const failureText = useFailureText();
  const invalidText = useInvalidText();
  const problem = asProblem(error).document;
  const fields = problem?.errors ?? [];
  const attempts = problem?.attempts ?? [];
  return (
    <ErrorState error={error} onRetry={onRetry}>
      <ReachedLimit error={error} />
      {fields.length + attempts.length > 0 && (
        <ul className={styles.list}>
          {fields.map((one) => (
            <li key={`${one.field} ${one.type}`}>
              {one.field}: {invalidText(one)}
            </li>
          ))}
          {attempts.map((attempt, place) => (
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
    </ErrorState>
  );
}

function isLimitName(name: string): name is LimitName {
  return name in ptBR.limits;
}

function ReachedLimit({ error }: { readonly error: Error }) {
  const t = useTexts(assistantTexts);
  const format = useFormat();
  const { limit, used, max, resetsAt } = asProblem(error).document ?? {};
  if (limit === undefined || used === undefined || max === undefined || !isLimitName(limit)) return null;
  const show = limit === 'costPerMonthUsd' ? format.usd : format.integer;
  return (
    <p className={styles.text}>
      {t('limitReached', { limit: t(`limits.${limit}`), used: show(used), max: show(max) })}{' '}
      {resetsAt !== undefined && t('resets', { moment: format.moment(resetsAt) })}
    </p>
  );
}
