import type { ProviderConfig, useTestConnection } from '@/api/configs';
import { Badge } from '@/components/ui/Badge';
import { ErrorState } from '@/components/ui/ErrorState';
import { useFormat } from '@/i18n/useFormat';
import { useTexts } from '@/i18n/useTexts';
import { integrationsTexts } from '../i18n/integrationsTexts';
import styles from './Integrations.module.css';

interface ConnectionTestResultProps {
  readonly test: ReturnType<typeof useTestConnection>;
  /** Last test of the saved key, shown until a new test has a result. */
  readonly last: ProviderConfig['lastTest'];
}

/** Result of the last connection test, with the reason if it failed. */
export function ConnectionTestResult({ test, last }: ConnectionTestResultProps) {
  const t = useTexts(integrationsTexts);
  const format = useFormat();
  if (test.isError) return <ErrorState error={test.error} />;
  const result = test.data ?? last;
  if (result === null) return <p className={styles.muted}>{t('test.never')}</p>;
  return (
    <p className={styles.result} role="status">
      <Badge tone={result.success ? 'success' : 'danger'}>
        {t(result.success ? 'test.ok' : 'test.failed')}
      </Badge>
      <span>
        {result.success
          ? t('test.latency', { model: result.model, time: format.duration(result.latencyMs) })
          : t(`test.codes.${result.code}`)}
        {test.data === undefined && last !== null && (
          <span className={styles.muted}> {t('test.at', { moment: format.moment(last.at) })}</span>
        )}
      </span>
    </p>
  );
}
