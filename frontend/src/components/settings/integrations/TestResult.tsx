import type { ProviderConfig, useTestConnection } from '../../../api/configs';
import { integrationsTexts } from '../../../i18n/integrations';
import { useFormat } from '../../../i18n/useFormat';
import { useTexts } from '../../../i18n/useTexts';
import { Badge } from '../../ui/Badge';
import { ErrorState } from '../../ui/ErrorState';
import styles from './Integrations.module.css';

interface TestResultProps {
  readonly test: ReturnType<typeof useTestConnection>;
  /** The saved key's last test, shown until there is a new one. */
  readonly last: ProviderConfig['lastTest'];
}

/** How the last test of a connection ended, and why where it failed. */
export function TestResult({ test, last }: TestResultProps) {
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
