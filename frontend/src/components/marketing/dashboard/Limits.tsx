import { type LimitName, type LimitWindow, useLimits } from '../../../api/limits';
import { dashboardTexts } from '../../../i18n/dashboard';
import { useFormat } from '../../../i18n/useFormat';
import { useTexts } from '../../../i18n/useTexts';
import { Card } from '../../ui/Card';
import { ErrorState } from '../../ui/ErrorState';
import { Meter } from '../../ui/Meter';
import { Skeleton } from '../../ui/Skeleton';
import styles from './Dashboard.module.css';

const WARNING_PERCENT = 80;
const FULL_PERCENT = 100;
// With the zone: it is the company's, which may not be the reader's.
const RESET: Intl.DateTimeFormatOptions = {
  day: '2-digit',
  month: '2-digit',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  timeZoneName: 'short',
};

/** The three limits as bars that follow what is used. Colours and words change at 80 and at 100 %. */
export function Limits() {
  const t = useTexts(dashboardTexts);
  const limits = useLimits();
  return (
    <Card title={t('limits.title')}>
      {limits.isPending && <Skeleton height="10rem" />}
      {limits.isError && <ErrorState error={limits.error} onRetry={() => void limits.refetch()} />}
      {limits.data !== undefined && (
        <div className={styles.limits}>
          {limits.data.windows.map((window) => (
            <Limit key={window.limit} window={window} timeZone={limits.data.timeZone} />
          ))}
        </div>
      )}
    </Card>
  );
}

function Limit({ window, timeZone }: { readonly window: LimitWindow; readonly timeZone: string }) {
  const t = useTexts(dashboardTexts);
  const format = useFormat();
  const show = window.limit === 'costPerMonthUsd' ? format.usd : format.integer;
  const percent = window.percent ?? 0;
  const tone = percent >= FULL_PERCENT ? 'danger' : percent >= WARNING_PERCENT ? 'warning' : 'normal';
  const resets = format.date(window.resetsAt, { ...RESET, timeZone });
  const text =
    window.max === null
      ? t('limits.unlimited', { used: show(window.used) })
      : t('limits.used', {
          used: show(window.used),
          max: show(window.max),
          percent: format.percent(percent / 100),
        });
  return (
    <Meter label={t(`limits.${window.limit as LimitName}`)} share={percent / 100} text={text} tone={tone}>
      {tone !== 'normal' && <strong data-tone={tone}>{t(`limits.${tone}`)} </strong>}
      {window.reserved > 0 && <span>{t('limits.inFlight', { amount: show(window.reserved) })} </span>}
      {t('limits.resets', { moment: resets })}
    </Meter>
  );
}
