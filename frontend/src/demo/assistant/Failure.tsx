import type { LimitName } from '../../api/limits';
import { asProblem } from '../../api/problem';
import { ErrorState } from '../../components/ui/ErrorState';
import { playgroundTexts } from '../../i18n/playground';
import ptBR from '../../i18n/pt-BR/playground.json';
import { useFailureText } from '../../i18n/useFailureText';
import { useInvalidText } from '../../i18n/useFieldError';
import { useFormat } from '../../i18n/useFormat';
import { useTexts } from '../../i18n/useTexts';
import { displayName } from '../../providers';
import styles from './Assistant.module.css';

interface FailureProps {
  readonly error: Error;
  readonly onRetry: () => void;
}

/** A request without an answer: which limit stood in the way and until when, which providers were tried. */
export function Failure({ error, onRetry }: FailureProps) {
  const t = useTexts(playgroundTexts);
  const words = useFailureText();
  const invalid = useInvalidText();
  const problem = asProblem(error).document;
  const fields = problem?.errors ?? [];
  const attempts = problem?.attempts ?? [];
  return (
    <ErrorState error={error} onRetry={onRetry}>
      <LimitHit error={error} />
      {fields.length + attempts.length > 0 && (
        <ul className={styles.list}>
          {fields.map((one) => (
            <li key={`${one.field} ${one.type}`}>
              {one.field}: {invalid(one)}
            </li>
          ))}
          {attempts.map((attempt, place) => (
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
    </ErrorState>
  );
}

function isLimitName(name: string): name is LimitName {
  return name in ptBR.limits;
}

function LimitHit({ error }: { readonly error: Error }) {
  const t = useTexts(playgroundTexts);
  const format = useFormat();
  const { limit, used, max, resetsAt } = asProblem(error).document ?? {};
  if (limit === undefined || used === undefined || max === undefined || !isLimitName(limit)) return null;
  const show = limit === 'costPerMonthUsd' ? format.usd : format.integer;
  return (
    <p className={styles.text}>
      {t('limitHit', { limit: t(`limits.${limit}`), used: show(used), max: show(max) })}{' '}
      {resetsAt !== undefined && t('resets', { moment: format.moment(resetsAt) })}
    </p>
  );
}
