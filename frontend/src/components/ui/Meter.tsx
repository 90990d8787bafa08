import { Meter as BaseMeter } from '@base-ui/react/meter';
import type { ReactNode } from 'react';
import styles from './Meter.module.css';

interface MeterProps {
  readonly label: ReactNode;
  /** Used amount divided by the maximum. Values above 1 fill the bar. */
  readonly share: number;
  /** The value as text, both on screen and for screen readers. */
  readonly text: string;
  readonly tone?: 'normal' | 'warning' | 'danger';
  readonly children?: ReactNode;
}

export function Meter({ label, share, text, tone = 'normal', children }: MeterProps) {
  return (
    <BaseMeter.Root
      className={styles.meter}
      value={Math.min(Math.max(share, 0), 1)}
      max={1}
      getAriaValueText={() => text}
    >
      <BaseMeter.Label className={styles.label}>{label}</BaseMeter.Label>
      <BaseMeter.Value className={styles.value}>{() => text}</BaseMeter.Value>
      <BaseMeter.Track className={styles.track}>
        <BaseMeter.Indicator className={`${styles.indicator} ${styles[tone]}`} />
      </BaseMeter.Track>
      {children !== undefined && <div className={styles.note}>{children}</div>}
    </BaseMeter.Root>
  );
}
