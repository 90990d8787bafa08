import { type LimitName, type LimitWindow, useLimits } from '@/api/limits';
import { Card } from '@/components/ui/Card';
import { ErrorState } from '@/components/ui/ErrorState';
import { Meter } from '@/components/ui/Meter';
import { Skeleton } from '@/components/ui/Skeleton';
import { useFormat } from '@/i18n/useFormat';
import { useTexts } from '@/i18n/useTexts';
import { usageTexts } from '../i18n/usageTexts';
import styles from './Usage.module.css';

const WARNING_PERCENT = 80;
const FULL_PERCENT = 100;
// Show the time zone, because the tenant's may differ from the user's.
const RESET: Intl.DateTimeFormatOptions = {
  day: '2-digit',
  month: '2-digit',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  timeZoneName: 'short',
};

/** Bars that show how much of each limit is used. Colour and text change at 80 % and at 100 %. */
export function LimitMeters() {
  const t = useTexts(usageTexts);
  const limits = useLimits();
  return (
    <Card title={t('limits.title')}>
      {limits.isPending && <Skeleton height="10rem" />}
      {limits.isError && <ErrorState error={limits.error} onRetry={() => void limits.refetch()} />}
      {limits.data !== undefined && (
        <div className={styles.limits}>
          {limits.data.windows.map((window) => (
            <LimitMeter key={window.limit} window={window} timeZone={limits.data.timeZone} />
          ))}
        </div>
      )}
    </Card>
  );
}

function LimitMeter({ window, timeZone }: { readonly window: LimitWindow; readonly timeZone: string }) {
  const t = useTexts(usageTexts);
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
