import { type Limits, useLimits } from '@/api/limits';
import { Card } from '@/components/ui/Card';
import { ErrorState } from '@/components/ui/ErrorState';
import { Skeleton } from '@/components/ui/Skeleton';
import { useFormat } from '@/i18n/useFormat';
import { useTexts } from '@/i18n/useTexts';
import { integrationsTexts } from '../i18n/integrationsTexts';
import styles from './Integrations.module.css';
import { LimitsForm } from './LimitsForm';

/** Card with the limits form and the addresses that no longer get alerts. */
export function LimitsCard() {
  const t = useTexts(integrationsTexts);
  const limits = useLimits();
  return (
    <Card title={t('limits.title')}>
      {limits.isPending && <Skeleton height="30rem" />}
      {limits.isError && <ErrorState error={limits.error} onRetry={() => void limits.refetch()} />}
      {limits.data !== undefined && (
        <div className={styles.stack}>
          <LimitsForm limits={limits.data} />
          <StoppedEmailNotice limits={limits.data} />
        </div>
      )}
    </Card>
  );
}

/** Addresses that no longer get e-mails, with the reasons. */
function StoppedEmailNotice({ limits }: { readonly limits: Limits }) {
  const t = useTexts(integrationsTexts);
  const format = useFormat();
  if (limits.stoppedEmails.length === 0) return null;
  return (
    <div className={styles.notice}>
      <strong>{t('limits.stopped')}</strong>
      <ul className={styles.list}>
        {limits.stoppedEmails.map(({ address, reason, at }) => (
          <li key={address}>
            <span className={styles.address}>{address}</span>{' '}
            {t(`limits.reasons.${reason}`, { moment: format.moment(at) })}
          </li>
        ))}
      </ul>
      <span>{t('limits.stoppedHint')}</span>
    </div>
  );
}
