import { useMemo } from 'react';
import { useNexus } from '@/NexusContext';

/** Return formatters of numbers, US dollars and dates for the user's language. Callers show null (unknown) themselves. */
export function useFormat() {
  const { locale } = useNexus();
  return useMemo(() => {
    const integer = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
    const compact = new Intl.NumberFormat(locale, { notation: 'compact', maximumFractionDigits: 1 });
    const percent = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 0 });
    const decimal = new Intl.NumberFormat(locale, { maximumFractionDigits: 2 });
    const seconds = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });
    const moment = new Intl.DateTimeFormat(locale, { dateStyle: 'short', timeStyle: 'medium' });
    const size = (unit: string) =>
      new Intl.NumberFormat(locale, { style: 'unit', unit, maximumFractionDigits: 1 });
    const kilobytes = size('kilobyte');
    const megabytes = size('megabyte');
    return {
      integer: (value: number) => integer.format(value),
      decimal: (value: number) => decimal.format(value),
      compact: (value: number) => compact.format(value),
      /** The value 1 means 100 %. */
      percent: (value: number) => percent.format(value),
      bytes: (value: number) => (value < 1e6 ? kilobytes.format(value / 1e3) : megabytes.format(value / 1e6)),
      usd: (value: number) => usd(locale, value),
      duration: (ms: number) => (ms < 1000 ? `${integer.format(ms)} ms` : `${seconds.format(ms / 1000)} s`),
      moment: (iso: string) => moment.format(new Date(iso)),
      date: (iso: string, options: Intl.DateTimeFormatOptions) =>
        new Intl.DateTimeFormat(locale, options).format(new Date(iso)),
    };
  }, [locale]);
}

/** Show cents from one dollar up, and the API's six decimals below, because a request costs a fraction of a cent. */
function usd(locale: string, value: number): string {
  const maximumFractionDigits = Math.abs(value) >= 1 || value === 0 ? 2 : 6;
  const options = {
    style: 'currency',
    currency: 'USD',
    minimumFractionDigits: 2,
    maximumFractionDigits,
  } as const;
  return new Intl.NumberFormat(locale, options).format(value);
}
